// Thirty producers block most of the time while they send to one slow writer.
//
//	class: producers blocked by a slow consumer
//	sign: all block on send, each is woken in turn, and their number is constant
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const producers = 30

func main() {
	rows := make(chan []byte)
	for i := 0; i < producers; i++ {
		go produce(i, rows)
	}
	life := capture.Begin()
	for life.Next(10 * time.Millisecond) {
		writeRow(<-rows)
	}
}

func produce(producer int, rows chan<- []byte) {
	for n := producer; ; n += producers {
		r := traffic.Receive(n)
		r.Parse()
		row := make([]byte, 2*len(r.Body))
		copy(row, r.Body)
		rows <- row
	}
}

func writeRow(row []byte) byte {
	return row[len(row)-1]
}
