// Gives every request a deadline of half a second. One in five exceeds it, and the
// others are cancelled when they are done.
//
//	class: timers with deadlines
//	sign: no goroutine waits longer than the deadline
package main

import (
	"context"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		go handleWithin(500*time.Millisecond, r)
	}
}

func handleWithin(deadline time.Duration, r *traffic.Request) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	answered := make(chan []byte, 1)
	if r.N%5 != 0 {
		time.AfterFunc(5*time.Millisecond, func() { answered <- r.Body })
	}
	state := make([]byte, 2*len(r.Body))
	copy(state, r.Body)
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		state[0]++
		return ctx.Err()
	}
}
