// Waits for each event with a timeout of an hour and a new timer each time. Before Go
// 1.23 a timer lives until it fires. Since then it is freed with its last reference.
//
//	class: time.After in a loop
//	shows: heap gctrace
//	until: 1.22
//	cure: one timer, reset
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	events := make(chan *traffic.Request, 256)
	go readEvents(events)
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		for i := 0; i < cap(events); i++ {
			events <- r
		}
	}
}

func readEvents(events <-chan *traffic.Request) {
	for received := 0; ; {
		select {
		case <-events:
			received++
		case <-time.After(time.Hour): // culprit: allocates
			return
		}
	}
}
