// Waits for a payment to be accepted or refused, but not for the customer to cancel: if
// neither answer comes, the goroutine waits forever.
//
//	class: goroutine blocked in a select
//	shows: heap goroutine goroutineleak trace gctrace
//	cure: a case for ctx.Done()
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type payment struct {
	accepted chan struct{}
	refused  chan error
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		checkout(r)
	}
}

func checkout(r *traffic.Request) {
	p := &payment{accepted: make(chan struct{}), refused: make(chan error)}
	go awaitPayment(p, r) // culprit: creates
	if r.N%3 != 0 {
		close(p.accepted)
	}
}

func awaitPayment(p *payment, r *traffic.Request) {
	receipt := make([]byte, 2*len(r.Body)) // culprit: allocates
	copy(receipt, r.Key)
	select { // culprit: blocks
	case <-p.accepted:
		receipt[0]++
	case <-p.refused:
		receipt[0]--
	}
}
