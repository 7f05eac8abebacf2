// Caches map tiles in memory from mmap, to keep them away from the garbage collector.
// Tiles are never unmapped: the process grows, the Go heap does not.
//
//	class: memory outside the Go heap
//	shows: status
//	resident_growth: 64
//	cure: a maximum number of tiles, and Munmap of the oldest
package main

import (
	"log"
	"syscall"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const tileSize = 512 << 10

type tileCache struct {
	tiles map[string][]byte
}

func main() {
	cache := tileCache{tiles: map[string][]byte{}}
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		cache.draw(r)
	}
}

func (c *tileCache) draw(r *traffic.Request) []byte {
	if tile, ok := c.tiles[r.Key]; ok {
		return tile
	}
	tile := mapMemory(tileSize)
	for at := 0; at < len(tile); at += len(r.Body) {
		copy(tile[at:], r.Body)
	}
	c.tiles[r.Key] = tile // culprit: keeps
	return tile
}

func mapMemory(size int) []byte {
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE) // culprit: allocates
	if err != nil {
		log.Fatal(err)
	}
	return memory
}
