// Adds a small note about every request to a log that is never emptied, next to caches
// that come and go: the leak is a small part of all allocations.
//
//	class: slow leak under a sawtooth
//	shows: heap gctrace
//	cure: write the log out and start a new one
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type note struct {
	key string
	at  time.Time
	raw []byte
}

var audit []*note

func main() {
	var batch [][]byte
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		noteRequest(r)
		if batch = append(batch, collectRow(r)); len(batch) == 40 {
			batch = nil
		}
	}
}

func noteRequest(r *traffic.Request) {
	raw := make([]byte, 6<<10) // culprit: allocates
	copy(raw, r.Body)
	audit = append(audit, &note{r.Key, time.Now(), raw}) // culprit: keeps
}

func collectRow(r *traffic.Request) []byte {
	row := make([]byte, 2*len(r.Body))
	copy(row, r.Body)
	return row
}
