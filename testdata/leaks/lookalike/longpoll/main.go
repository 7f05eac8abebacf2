// Eighty clients wait in a long poll each. A client gets news or gives up after most of
// a second, and then polls again.
//
//	class: long polls
//	sign: the number of waiting goroutines is constant, and none waits longer than the poll
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const clients = 80

func main() {
	news := make(chan *traffic.Request)
	life := capture.Begin()
	for i := 0; i < clients; i++ {
		go subscribe(news, time.Duration(600+3*i)*time.Millisecond)
	}
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%10 == 0 {
			news <- r
		}
	}
}

func subscribe(news <-chan *traffic.Request, patience time.Duration) {
	for {
		done := make(chan struct{})
		go poll(news, patience, done)
		<-done
	}
}

func poll(news <-chan *traffic.Request, patience time.Duration, done chan<- struct{}) {
	defer close(done)
	answer := make([]byte, 48<<10)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case r := <-news:
		copy(answer, r.Body)
	case <-timeout.C:
		answer[0] = 1
	}
}
