// Collects rows for a second, writes them out and starts again: the heap is a sawtooth.
//
//	class: batch work
//	sign: the live heap falls back to the same level after each batch
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for batch := 0; runBatch(life, batch) > 0; batch++ {
	}
}

func runBatch(life *capture.Life, batch int) int {
	var rows [][]byte
	for n := 0; n < 95; n++ {
		if !life.Next(10 * time.Millisecond) {
			return 0
		}
		r := traffic.Receive(100*batch + n)
		r.Parse()
		rows = append(rows, transformRow(r), transformRow(r), transformRow(r))
	}
	return writeRows(rows)
}

func transformRow(r *traffic.Request) []byte {
	row := make([]byte, 2*len(r.Body))
	copy(row, r.Body)
	return row
}

func writeRows(rows [][]byte) int {
	written := 0
	for _, row := range rows {
		written += len(row)
	}
	return written
}
