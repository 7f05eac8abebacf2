// Starts a heartbeat with every session and stops it with the session.
//
//	class: tickers that are stopped
//	sign: as many goroutines exit as are created
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type session struct {
	state  []byte
	beats  int
	closed chan struct{}
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%5 == 0 {
			s := openSession(r)
			time.AfterFunc(400*time.Millisecond, s.close)
		}
	}
}

func openSession(r *traffic.Request) *session {
	s := &session{state: make([]byte, 160<<10), closed: make(chan struct{})}
	copy(s.state, r.Body)
	go s.heartbeat()
	return s
}

func (s *session) heartbeat() {
	ticker := time.NewTicker(70 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.beats++
		case <-s.closed:
			return
		}
	}
}

func (s *session) close() {
	close(s.closed)
}
