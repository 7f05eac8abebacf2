// Asks two suppliers for a price and takes the first answer. Nobody receives from the
// goroutine of the second supplier.
//
//	class: goroutine blocked on a channel send
//	shows: heap goroutine goroutineleak trace gctrace
//	cure: a channel with a buffer for every answer
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		handleOrder(traffic.Receive(n))
	}
}

func handleOrder(r *traffic.Request) {
	r.Parse()
	if r.N%3 == 0 {
		cheapestQuote(r)
	}
}

func cheapestQuote(r *traffic.Request) int {
	answers := make(chan []byte)
	for supplier := 1; supplier <= 2; supplier++ {
		go askSupplier(supplier, r, answers) // culprit: creates
	}
	return len(<-answers)
}

func askSupplier(supplier int, r *traffic.Request, answers chan<- []byte) {
	time.Sleep(time.Duration(supplier) * time.Millisecond)
	offer := make([]byte, 2*len(r.Body)) // culprit: allocates
	copy(offer, r.Body)
	answers <- offer // culprit: blocks
}
