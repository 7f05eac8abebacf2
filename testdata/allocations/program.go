// Allocates known numbers of objects and reports them. Run it with GODEBUG=traceallocfree=1.
//
// usage: program MODE TRACE TRUTH
//
// The trace goes to TRACE. TRUTH gets the numbers of objects that each goroutine allocated and that the
// program still holds, as JSON.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
)

// A session has more than 512 bytes and pointers, so the runtime puts a header in front of it.
type session struct {
	next *session
	body [600]byte
}

type request struct {
	from *session
	path string
	n    int
}

// A tick has no pointers and less than 16 bytes, so several share a slot.
type tick struct{ n int32 }

// The objects that a goroutine allocated, and those that the program still holds at the end.
type goroutine struct {
	ID       int    `json:"id"`
	Creator  int    `json:"creator"`
	Start    string `json:"start"`
	Sessions count  `json:"sessions"`
	Requests count  `json:"requests"`
}

type count struct {
	Allocated int `json:"allocated"`
	Held      int `json:"held"`
}

type truth struct {
	Version     string      `json:"version"`
	Mode        string      `json:"form"`
	Collections int         `json:"collections"`
	Goroutines  []goroutine `json:"goroutines"`
}

const (
	rounds    = 1200
	perGC     = 200
	bound     = 100
	listeners = 600
)

var (
	// Allocated before the trace, so that it does not grow during the trace.
	registry = make([]*session, 0, rounds+listeners)
	ring     [bound]*session
	last     *request
	ticks    [16]*tick
	forever  = make(chan struct{})
	found    truth
	mutex    sync.Mutex
)

func main() {
	if len(os.Args) != 4 {
		log.Fatalf("usage: %s MODE TRACE TRUTH", os.Args[0])
	}
	found = truth{Version: runtime.Version(), Mode: os.Args[1]}
	modes := map[string]func(context.Context, int){"registry": remember, "ring": renew, "listeners": accept}
	mode, ok := modes[found.Mode]
	if !ok {
		log.Fatalf("unknown mode %s", found.Mode)
	}
	found.Goroutines = make([]goroutine, 0, listeners+1)
	for i := range ring {
		ring[i] = &session{}
	}
	runtime.GC()
	var out bytes.Buffer
	out.Grow(4 << 20)
	if err := trace.Start(&out); err != nil {
		log.Fatal(err)
	}
	creator, done := id(), make(chan struct{})
	go func() {
		defer close(done)
		ctx, task := trace.NewTask(context.Background(), found.Mode)
		defer task.End()
		mode(ctx, creator)
	}()
	<-done
	// Garbage at the start of the first cycle is freed when the second starts.
	gc()
	gc()
	trace.Stop()
	write(os.Args[2], out.Bytes())
	text, err := json.Marshal(found)
	if err != nil {
		log.Fatal(err)
	}
	write(os.Args[3], append(text, '\n'))
}

// remember keeps every session: the leak. It does not keep requests and ticks.
func remember(ctx context.Context, creator int) {
	for n := 0; n < rounds; n++ {
		s := &session{}
		registry = append(registry, s)
		last = &request{from: s, n: n}
		ticks[n%len(ticks)] = &tick{int32(n)}
		if n%perGC == perGC-1 {
			gc()
		}
	}
	last = nil
	note(goroutine{id(), creator, "main.main.func1", count{rounds, rounds}, count{rounds, 0}})
}

// renew keeps only the last sessions: it looks like the leak.
func renew(ctx context.Context, creator int) {
	for n := 0; n < rounds; n++ {
		ring[n%bound] = &session{}
		if n%perGC == perGC-1 {
			gc()
		}
	}
	note(goroutine{id(), creator, "main.main.func1", count{rounds, bound}, count{}})
}

// accept starts goroutines that each keep a session and wait forever.
func accept(ctx context.Context, _ int) {
	ready := make(chan struct{})
	creator := id()
	for n := 0; n < listeners; n++ {
		go listen(ctx, creator, ready)
		<-ready
		if n%perGC == perGC-1 {
			gc()
		}
	}
}

func listen(ctx context.Context, creator int, ready chan struct{}) {
	s := &session{}
	registry = append(registry, s)
	note(goroutine{id(), creator, "main.listen", count{1, 1}, count{}})
	ready <- struct{}{}
	<-forever
}

func gc() {
	runtime.GC()
	mutex.Lock()
	found.Collections++
	mutex.Unlock()
}

func note(g goroutine) {
	mutex.Lock()
	found.Goroutines = append(found.Goroutines, g)
	mutex.Unlock()
}

// id returns the ID of the goroutine, which only the text of a stack contains.
func id() int {
	var text [64]byte
	n := runtime.Stack(text[:], false)
	var id int
	if _, err := fmt.Sscanf(string(text[:n]), "goroutine %d ", &id); err != nil {
		log.Fatal(err)
	}
	return id
}

func write(file string, content []byte) {
	if err := os.WriteFile(file, content, 0o644); err != nil {
		log.Fatal(err)
	}
}
