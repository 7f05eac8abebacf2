// Queries eight shards at once for every search and waits for all of them, like an
// errgroup.
//
//	class: fan-out with a wait for all goroutines
//	sign: many goroutines are created, and each exits within milliseconds
package main

import (
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

// A group waits for the goroutines that it started and keeps the first error.
type group struct {
	wait  sync.WaitGroup
	once  sync.Once
	first error
}

func (g *group) start(do func() error) {
	g.wait.Add(1)
	go func() {
		defer g.wait.Done()
		if err := do(); err != nil {
			g.once.Do(func() { g.first = err })
		}
	}()
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(20 * time.Millisecond); n++ {
		_, _ = search(traffic.Receive(n))
	}
}

func search(r *traffic.Request) (int, error) {
	var shards group
	var hits [8]int
	for shard := range hits {
		shard := shard
		shards.start(func() (err error) {
			hits[shard], err = askShard(r, shard)
			return err
		})
	}
	shards.wait.Wait()
	return hits[0], shards.first
}

func askShard(r *traffic.Request, shard int) (int, error) {
	time.Sleep(time.Duration(1+shard) * time.Millisecond)
	return int(r.ParseIn(1, 256<<10)), nil
}
