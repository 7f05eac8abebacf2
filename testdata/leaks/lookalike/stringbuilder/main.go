// Builds long texts piece by piece, without growing the builder in advance.
//
//	class: strings.Builder churn
//	sign: one function allocates the most and keeps nothing
package main

import (
	"strings"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.ParseIn(1, 128<<10)
		writeFeed(r)
	}
}

func writeFeed(r *traffic.Request) int {
	var feed strings.Builder
	for i := 0; i < 10; i++ {
		feed.Write(r.Body)
	}
	return feed.Len()
}
