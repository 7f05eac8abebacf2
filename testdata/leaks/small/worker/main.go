// A worker that has processed some jobs captures one heap profile. It holds more memory
// than web.
package main

import (
	"example.com/leaks/small/write"
	"example.com/leaks/traffic"
)

var results [][]byte

func main() {
	for n := 0; n < 60; n++ {
		process(traffic.Receive(n))
	}
	write.Heap("heap.pb.gz")
}

func process(r *traffic.Request) {
	r.Parse()
	results = append(results, make([]byte, 128<<10))
}
