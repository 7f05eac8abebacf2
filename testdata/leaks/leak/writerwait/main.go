// Four collectors send audit records to a writer. The writer returns at the first record
// that it cannot store. From then on, the collectors wait for it.
//
//	class: few goroutines blocked on a channel that nobody receives from
//	shows: goroutine
//	grows: no
//	cure: log the error and receive the next record
package main

import (
	"errors"
	"log"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const collectors = 4

var errDiskFull = errors.New("no space left on the disk")

type record struct {
	collector, number int
}

// The channel is global, so the goroutineleak profile cannot know that nothing will receive
// from it.
var records = make(chan record)

func main() {
	life := capture.Begin()
	go writeRecords()
	for i := 0; i < collectors; i++ {
		go collectRecords(i)
	}
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
	}
}

func writeRecords() {
	for entry := range records {
		if err := store(entry); err != nil {
			log.Print(err)
			return
		}
	}
}

func store(entry record) error {
	if entry.number > 20 {
		return errDiskFull
	}
	return nil
}

func collectRecords(collector int) {
	for number := 0; ; number++ {
		time.Sleep(20 * time.Millisecond)
		records <- record{collector, number} // culprit: blocks
	}
}
