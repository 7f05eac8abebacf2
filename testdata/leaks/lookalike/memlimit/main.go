// Runs with GOGC=off and GOMEMLIMIT=64MiB: there is no GC until the heap is close to the
// limit.
//
//	class: GOMEMLIMIT delays the GC
//	sign: few GC cycles, each of which frees almost everything
package main

import (
	"runtime/debug"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(64 << 20)
	life := capture.Begin()
	for n := 0; life.Next(8 * time.Millisecond); n++ {
		resizePicture(traffic.Receive(n))
	}
}

func resizePicture(r *traffic.Request) uint32 {
	scaled := make([]byte, 900<<10)
	copy(scaled, r.Body)
	return r.Parse() + uint32(scaled[len(r.Body)-1])
}
