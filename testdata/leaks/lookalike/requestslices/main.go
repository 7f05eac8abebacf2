// Exports grow a slice for as long as the request lasts, several at the same time, and
// free it at the end.
//
//	class: slices that grow for the length of one request
//	sign: every goroutine that holds a slice exits, and the live heap falls again
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%12 == 0 {
			go exportOrders(r)
		}
	}
}

func exportOrders(r *traffic.Request) int {
	var rows [][]byte
	for page := 0; page < 60; page++ {
		time.Sleep(7 * time.Millisecond)
		rows = append(rows, fetchPage(r))
	}
	return len(rows)
}

func fetchPage(r *traffic.Request) []byte {
	page := make([]byte, len(r.Body))
	copy(page, r.Body)
	return page
}
