// Withdraws from an account and, if there is not enough money, returns with the account
// still locked. The next goroutine that locks this account waits forever.
//
//	class: goroutine blocked on a mutex
//	shows: heap goroutine trace gctrace
//	cure: defer mu.Unlock()
package main

import (
	"errors"
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var errNoMoney = errors.New("not enough money")

type account struct {
	mu      sync.Mutex
	balance int
}

var accounts [8]account

func main() {
	for i := range accounts {
		accounts[i].balance = 100 * (i + 1)
	}
	life := capture.Begin()
	for n := 0; life.Next(15 * time.Millisecond); n++ {
		go transfer(traffic.Receive(n)) // culprit: creates
	}
}

func transfer(r *traffic.Request) {
	r.Parse()
	statement := make([]byte, 2*len(r.Body)) // culprit: allocates
	copy(statement, r.Key)
	if err := accounts[r.N%len(accounts)].withdraw(25); err == nil {
		statement[0]++
	}
}

func (a *account) withdraw(amount int) error {
	a.mu.Lock() // culprit: blocks
	if a.balance < amount {
		return errNoMoney
	}
	a.balance -= amount
	a.mu.Unlock()
	return nil
}
