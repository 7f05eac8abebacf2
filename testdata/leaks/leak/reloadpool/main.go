// Builds a new connection pool at each reload of the configuration. The old pool is not
// closed, so its two background goroutines keep running and hold it.
//
//	class: connection pool not closed at a reload
//	shows: heap goroutine trace gctrace
//	cure: close the old pool after the reload
package main

import (
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type connection struct {
	buffer []byte
	usedAt time.Time
}

type pool struct {
	mu          sync.Mutex
	connections []*connection
	closed      chan struct{}
}

var current *pool

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		if n%6 == 0 {
			reloadConfig(4)
		}
		r := traffic.Receive(n)
		r.Parse()
		current.query(r)
	}
}

func reloadConfig(size int) {
	current = openPool(size) // the old pool is still open
}

func openPool(size int) *pool {
	p := &pool{closed: make(chan struct{})}
	for i := 0; i < size; i++ {
		p.connections = append(p.connections, connect())
	}
	go p.reapIdle()    // culprit: creates
	go p.checkHealth() // culprit: creates
	return p
}

func connect() *connection {
	return &connection{buffer: make([]byte, 32<<10), usedAt: time.Now()} // culprit: allocates
}

func (p *pool) query(r *traffic.Request) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.connections[r.N%len(p.connections)]
	c.usedAt = time.Now()
	return copy(c.buffer, r.Body)
}

func (p *pool) reapIdle() {
	p.everyTick(300*time.Millisecond, func(c *connection) {
		if time.Since(c.usedAt) > time.Minute {
			c.buffer = nil
		}
	})
}

func (p *pool) checkHealth() {
	p.everyTick(200*time.Millisecond, func(c *connection) { c.buffer[0]++ })
}

// everyTick calls visit with all connections at each tick, until the pool is closed.
func (p *pool) everyTick(period time.Duration, visit func(*connection)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select { // culprit: blocks
		case <-p.closed:
			return
		case <-ticker.C:
			p.mu.Lock()
			for _, c := range p.connections {
				visit(c)
			}
			p.mu.Unlock()
		}
	}
}
