// Starts a heartbeat with every session and never stops it: the ticker keeps running, and
// so does its goroutine.
//
//	class: ticker never stopped
//	shows: heap goroutine trace gctrace
//	cure: stop the ticker and return when the session ends
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type session struct {
	user  string
	state []byte
	beats int
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%5 == 0 {
			openSession(r)
		}
	}
}

func openSession(r *traffic.Request) *session {
	s := &session{user: r.Key, state: make([]byte, 160<<10)} // culprit: allocates
	copy(s.state, r.Body)
	go heartbeat(s) // culprit: creates
	return s
}

func heartbeat(s *session) {
	ticker := time.NewTicker(700 * time.Millisecond)
	for range ticker.C { // culprit: blocks
		s.beats++
	}
}
