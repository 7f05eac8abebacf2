// Sets a finalizer on a document that is in a cycle with its view. Objects in a cycle
// with a finalizer are never freed.
//
//	class: finalizer in a cycle
//	shows: heap gctrace
//	cure: no finalizer, or one on an object that is not part of a cycle
package main

import (
	"runtime"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type document struct {
	text []byte
	view *view
}

type view struct {
	document *document
	open     bool
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		openDocument(r).view.open = true
	}
}

func openDocument(r *traffic.Request) *document {
	d := &document{text: make([]byte, 32<<10)} // culprit: allocates
	copy(d.text, r.Body)
	d.view = &view{document: d}
	runtime.SetFinalizer(d, closeDocument) // culprit: keeps
	return d
}

func closeDocument(d *document) {
	d.view.open = false
}
