// Remembers the last two hundred and twenty frames in a ring, which takes two
// seconds to fill; then each frame takes the place of the oldest.
//
//	class: ring buffer that fills to its size
//	sign: growth in a straight line that ends at the ring's size
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
