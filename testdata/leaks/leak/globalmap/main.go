// Stores a session for every visitor in a global map and never removes one.
//
//	class: global map
//	shows: heap gctrace
//	cure: delete expired entries
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type visitor struct {
	seen   time.Time
	basket []byte
}

var visitors = map[string]*visitor{}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		for i := 0; i < 4; i++ {
			rememberVisitor(traffic.Receive(4*n + i))
		}
	}
}

func rememberVisitor(r *traffic.Request) {
	v := visitors[r.Key]
	if v == nil {
		v = &visitor{basket: make([]byte, 10<<10)} // culprit: allocates
		visitors[r.Key] = v                        // culprit: keeps
	}
	v.seen = time.Now()
}
