// Caches rendered invoices by appending them to a slice, and never removes one. The
// same key is never looked up again.
//
//	class: append-only cache
//	shows: heap gctrace
//	cure: a maximum size, and eviction of entries
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type entry struct {
	key     string
	invoice []byte
}

type cache struct {
	entries []entry
}

func main() {
	var invoices cache
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		invoices.lookup(r)
	}
}

func (c *cache) lookup(r *traffic.Request) []byte {
	for i := range c.entries {
		if c.entries[i].key == r.Key {
			return c.entries[i].invoice
		}
	}
	invoice := renderInvoice(r)
	c.entries = append(c.entries, entry{r.Key, invoice}) // culprit: keeps
	return invoice
}

func renderInvoice(r *traffic.Request) []byte {
	invoice := make([]byte, 32<<10) // culprit: allocates
	copy(invoice, r.Body)
	return invoice
}
