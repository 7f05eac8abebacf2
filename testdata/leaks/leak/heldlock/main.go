// Keeps an account book behind a lock. Early on, a correction of a closed month returns
// without unlocking the book. From then on, six goroutines that print, archive and post
// entries wait for it, while requests that do not need the book are served.
//
//	class: few goroutines blocked on a lock that nobody releases
//	shows: goroutine
//	grows: no
//	cure: defer mu.Unlock()
package main

import (
	"errors"
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var errMonthClosed = errors.New("this month is closed")

type book struct {
	mu      sync.RWMutex
	entries [64]int
}

var accounts book

func main() {
	life := capture.Begin()
	for i := 0; i < 2; i++ {
		go every(30*time.Millisecond, accounts.printBalance)
		go every(40*time.Millisecond, accounts.archive)
		go every(50*time.Millisecond, accounts.post)
	}
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n == 40 {
			_ = accounts.correct(n, true)
		}
	}
}

func every(period time.Duration, work func()) {
	for {
		time.Sleep(period)
		work()
	}
}

func (b *book) correct(entry int, closed bool) error {
	b.mu.Lock()
	if closed {
		return errMonthClosed // the book stays locked
	}
	b.entries[entry] = 0
	b.mu.Unlock()
	return nil
}

func (b *book) printBalance() {
	b.mu.RLock() // culprit: blocks
	defer b.mu.RUnlock()
	sum := 0
	for _, entry := range b.entries {
		sum += entry
	}
}

func (b *book) archive() {
	b.mu.RLock() // culprit: blocks
	defer b.mu.RUnlock()
	_ = append([]int(nil), b.entries[:]...)
}

func (b *book) post() {
	b.mu.Lock() // culprit: blocks
	defer b.mu.Unlock()
	b.entries[0]++
}
