// Stores sessions in a global map and removes those that are older than half a
// second.
//
//	class: map whose entries expire
//	sign: the map keeps allocating, but its memory in use is constant
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
		if n%10 == 0 {
			expireVisitors(500 * time.Millisecond)
		}
	}
}

func rememberVisitor(r *traffic.Request) {
	v := visitors[r.Key]
	if v == nil {
		v = &visitor{basket: make([]byte, 20<<10)}
		visitors[r.Key] = v
	}
	v.seen = time.Now()
}

func expireVisitors(age time.Duration) {
	for key, v := range visitors {
		if time.Since(v.seen) > age {
			delete(visitors, key)
		}
	}
}
