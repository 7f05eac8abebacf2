// Converts prices with exchange rates that are valid until the next update. Only after
// 3.3 seconds, an update fails and returns with the rates still locked: that request
// ends, and all later ones wait forever.
//
//	class: goroutines that pile up after a late failure
//	shows: trace
//	starts: 3.3
//	cure: defer mu.Unlock()
package main

import (
	"errors"
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var errNoRates = errors.New("the bank does not answer")

type rates struct {
	mu         sync.Mutex
	euro       float64
	validUntil time.Time
}

func main() {
	life := capture.Begin()
	today := &rates{euro: 1.09, validUntil: time.Now().Add(3300 * time.Millisecond)}
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		go convertPrices(traffic.Receive(n), today) // culprit: creates
	}
}

func convertPrices(r *traffic.Request, today *rates) (float64, error) {
	r.Parse()
	prices := make([]byte, 2*len(r.Body)) // culprit: allocates
	copy(prices, r.Body)
	euro, err := today.get()
	return euro * float64(len(prices)), err
}

func (today *rates) get() (float64, error) {
	today.mu.Lock() // culprit: blocks
	if time.Now().After(today.validUntil) {
		if err := today.update(); err != nil {
			return 0, err
		}
	}
	euro := today.euro
	today.mu.Unlock()
	return euro, nil
}

func (today *rates) update() error {
	return errNoRates
}
