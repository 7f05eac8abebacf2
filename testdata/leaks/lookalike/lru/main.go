// Caches the last 200 reports. Nearly every request adds a report and evicts the
// oldest.
//
//	class: bounded LRU cache
//	sign: the cache keeps allocating, but its memory in use is constant
package main

import (
	"container/list"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const bound = 200

type report struct {
	key  string
	text []byte
}

type lru struct {
	order *list.List
	byKey map[string]*list.Element
}

func main() {
	reports := lru{order: list.New(), byKey: map[string]*list.Element{}}
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		for i := 0; i < 3; i++ {
			reports.lookup(traffic.Receive(3*n + i))
		}
	}
}

func (c *lru) lookup(r *traffic.Request) *report {
	if element := c.byKey[r.Key]; element != nil {
		c.order.MoveToFront(element)
		return element.Value.(*report)
	}
	made := makeReport(r)
	c.byKey[r.Key] = c.order.PushFront(made)
	if c.order.Len() > bound {
		oldest := c.order.Remove(c.order.Back()).(*report)
		delete(c.byKey, oldest.key)
	}
	return made
}

func makeReport(r *traffic.Request) *report {
	made := &report{r.Key, make([]byte, 40<<10)}
	copy(made.text, r.Body)
	return made
}
