// Waits for three parts of a report, one of which returns without calling Done if it
// finds nothing.
//
//	class: goroutine blocked on a WaitGroup
//	shows: heap goroutine goroutineleak trace gctrace
//	cure: defer wg.Done()
package main

import (
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%2 == 0 {
			go buildReport(r) // culprit: creates
		}
	}
}

func buildReport(r *traffic.Request) byte {
	report := make([]byte, 64<<10) // culprit: allocates
	var parts sync.WaitGroup
	parts.Add(3)
	for part := 0; part < 3; part++ {
		go fillPart(report, part, r, &parts)
	}
	parts.Wait() // culprit: blocks
	return report[0]
}

func fillPart(report []byte, part int, r *traffic.Request, parts *sync.WaitGroup) {
	if part == 2 && r.N%4 == 0 {
		return
	}
	copy(report[part*len(r.Body)/2:], r.Body)
	parts.Done()
}
