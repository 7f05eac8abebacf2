// Builds long texts piece by piece, without saying how long they will be.
//
//	class: strings.Builder churn
//	sign: one site allocates most of all and holds nothing
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
