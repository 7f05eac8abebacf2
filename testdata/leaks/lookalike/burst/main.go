// Twice a second a hundred and twenty requests come at once, each with a goroutine
// of its own for a few milliseconds.
//
//	class: bursts of goroutines that live briefly
//	sign: between bursts there are none
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
