// Runs with GOGC=500: the heap grows to six times the live heap before each GC
// cycle.
//
//	class: GOGC delays the GC
//	sign: the heap at the start of a cycle grows to the goal, but the live heap after it is constant
package main

import (
	"runtime/debug"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	debug.SetGCPercent(500)
	life := capture.Begin()
	for n := 0; life.Next(8 * time.Millisecond); n++ {
		resizePicture(traffic.Receive(n))
	}
}

func resizePicture(r *traffic.Request) uint32 {
	scaled := make([]byte, 640<<10)
	copy(scaled, r.Body)
	return r.Parse() + uint32(scaled[len(r.Body)-1])
}
