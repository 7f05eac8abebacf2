// Imports a large file at the start and frees it. The process stays large, since the
// runtime returns memory to the kernel slowly.
//
//	class: RSS stays high after a large heap was freed
//	sign: the live heap is small and constant although the process is large
package main

import (
	"log"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	log.Printf("%d rows imported", importRows())
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
	}
}

func importRows() int {
	rows := make([][]byte, 1500)
	for i := range rows {
		rows[i] = make([]byte, 64<<10)
		for at := 0; at < len(rows[i]); at += 4096 {
			rows[i][at] = byte(i)
		}
	}
	return len(rows)
}
