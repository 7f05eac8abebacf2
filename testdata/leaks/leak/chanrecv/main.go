// Sends the parts of an upload to a goroutine that collects them. If a part is bad, it
// returns without closing the channel, and the collector waits forever.
//
//	class: goroutine blocked on a channel receive
//	shows: heap goroutine goroutineleak trace gctrace
//	cure: close the channel in a defer
package main

import (
	"errors"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var errBadPart = errors.New("bad part")

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%2 == 0 {
			_ = storeUpload(r)
		}
	}
}

func storeUpload(r *traffic.Request) error {
	parts := make(chan []byte)
	go collectParts(parts) // culprit: creates
	for i := 0; i < 4; i++ {
		if r.N%4 == 0 && i == 3 {
			return errBadPart
		}
		parts <- r.Body[i<<13 : (i+1)<<13]
	}
	close(parts)
	return nil
}

func collectParts(parts <-chan []byte) int {
	whole := make([]byte, 0, 96<<10) // culprit: allocates
	for part := range parts {        // culprit: blocks
		whole = append(whole, part...)
	}
	return len(whole)
}
