// Answers requests for reports from an archive that needs two seconds for each. A hundred
// requests are in flight at any time: they live longer than the trace, and none is stuck.
//
//	class: slow requests in flight
//	sign: the number of waiting goroutines is constant, since as many requests are answered as arrive
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const (
	archiveTime = 2 * time.Second
	period      = 20 * time.Millisecond
)

func main() {
	life := capture.Begin()
	// The requests that wait already when the service starts.
	for early := period; early < archiveTime; early += period {
		go serveReport(traffic.Receive(0), archiveTime-early)
	}
	for n := 1; life.Next(period / 2); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%2 == 0 {
			go serveReport(r, archiveTime)
		}
	}
}

func serveReport(r *traffic.Request, needs time.Duration) int {
	rows := queryArchive(r.Key, needs)
	report := <-rows
	return copy(r.Body, report)
}

// queryArchive returns a channel on which the archive sends its answer.
func queryArchive(key string, needs time.Duration) <-chan []byte {
	rows := make(chan []byte, 1)
	time.AfterFunc(needs, func() {
		rows <- []byte(key)
	})
	return rows
}
