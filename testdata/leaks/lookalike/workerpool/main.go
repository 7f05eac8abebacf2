// Keeps sixty workers with a buffer each, which wait for work nearly all the
// time.
//
//	class: goroutine pool
//	sign: the number of goroutines is constant; they block for long, but are woken again
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	jobs := make(chan *traffic.Request)
	for i := 0; i < 60; i++ {
		go work(jobs)
	}
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		jobs <- traffic.Receive(n)
	}
}

func work(jobs <-chan *traffic.Request) {
	scratch := make([]byte, 64<<10)
	for r := range jobs {
		copy(scratch, r.Body)
		r.Parse()
	}
}
