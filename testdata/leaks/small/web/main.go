// A web server that has answered some requests captures one heap profile.
package main

import (
	"example.com/leaks/small/write"
	"example.com/leaks/traffic"
)

var sessions = map[string][]byte{}

func main() {
	for n := 0; n < 40; n++ {
		r := traffic.Receive(n)
		r.Parse()
		openSession(r)
	}
	write.Heap("heap.pb.gz")
}

func openSession(r *traffic.Request) {
	sessions[r.Key] = make([]byte, 64<<10)
}
