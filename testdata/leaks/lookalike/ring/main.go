// Stores the last 220 frames in a ring buffer that takes two seconds to fill. Then each
// frame replaces the oldest.
//
//	class: ring buffer that fills to its size
//	sign: linear growth that ends at the size of the ring
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type ring struct {
	frames [220][]byte
	next   int
}

func main() {
	var recent ring
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		recent.add(copyFrame(r))
	}
}

func (f *ring) add(frame []byte) {
	f.frames[f.next] = frame
	f.next = (f.next + 1) % len(f.frames)
}

func copyFrame(r *traffic.Request) []byte {
	frame := make([]byte, 2*len(r.Body))
	copy(frame, r.Body)
	return frame
}
