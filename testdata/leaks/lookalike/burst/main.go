// Twice per second, 120 requests arrive at once, each with a goroutine that runs for a
// few milliseconds.
//
//	class: bursts of short-lived goroutines
//	sign: between bursts there are no such goroutines
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
		if n%50 == 25 {
			for i := 0; i < 120; i++ {
				go handleClick(r, i)
			}
		}
	}
}

func handleClick(r *traffic.Request, i int) byte {
	answer := make([]byte, 2*len(r.Body))
	copy(answer, r.Body)
	time.Sleep(time.Duration(20+i) * time.Millisecond)
	return answer[i]
}
