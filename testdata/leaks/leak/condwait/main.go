// Guests wait for a table to be free. A leaving guest frees it but wakes nobody: the
// next new guest takes it, and those who waited stay blocked.
//
//	class: goroutine blocked on a condition variable
//	shows: heap goroutine trace gctrace
//	cure: Signal when the table is free
package main

import (
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type table struct {
	mu   sync.Mutex
	free *sync.Cond
	used bool
}

var corner table

func main() {
	corner.free = sync.NewCond(&corner.mu)
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%2 == 0 {
			go seatGuests(r) // culprit: creates
		}
	}
}

func seatGuests(r *traffic.Request) {
	menu := make([]byte, 2*len(r.Body)) // culprit: allocates
	copy(menu, r.Key)
	corner.take()
	time.Sleep(30 * time.Millisecond)
	menu[0]++
	corner.leave()
}

func (t *table) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.used {
		t.free.Wait() // culprit: blocks
	}
	t.used = true
}

func (t *table) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used = false
}
