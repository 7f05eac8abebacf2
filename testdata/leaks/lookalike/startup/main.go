// Loads its tables one after the other while it already serves requests, for 1.5
// seconds, and nothing after that.
//
//	class: growth at the start
//	sign: all growth happens before one moment
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var tables [][]byte

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if len(tables) < 140 {
			tables = append(tables, loadTable(r))
		}
	}
}

func loadTable(r *traffic.Request) []byte {
	table := make([]byte, 96<<10)
	copy(table, r.Body)
	return table
}
