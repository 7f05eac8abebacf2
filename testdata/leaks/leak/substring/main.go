// Keeps the title of every document as a substring of it, which keeps the whole document
// alive.
//
//	class: substring of a large string
//	shows: heap gctrace
//	cure: strings.Clone
package main

import (
	"strings"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var titles = map[int]string{}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		copy(r.Body, "Invoice "+r.Key+"\n")
		r.Parse()
		indexTitle(r.N, readDocument(r))
	}
}

func readDocument(r *traffic.Request) string {
	return string(r.Body) // culprit: allocates
}

func indexTitle(n int, document string) {
	title, _, _ := strings.Cut(document, "\n")
	titles[n] = title // culprit: keeps
}
