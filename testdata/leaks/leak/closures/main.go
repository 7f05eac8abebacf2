// Every page registers a closure that is called on changes and never removes it. The
// closure holds the page.
//
//	class: closure in a registry
//	shows: heap gctrace
//	cure: a function that removes the closure again
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type page struct {
	html    []byte
	version int
}

var listeners []func(version int)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		showPage(renderPage(r))
		if n%50 == 0 {
			notify(n)
		}
	}
}

func renderPage(r *traffic.Request) *page {
	p := &page{html: make([]byte, 32<<10)} // culprit: allocates
	copy(p.html, r.Body)
	return p
}

func showPage(p *page) {
	listeners = append(listeners, func(version int) { p.version = version }) // culprit: keeps
}

func notify(version int) {
	for _, listener := range listeners {
		listener(version)
	}
}
