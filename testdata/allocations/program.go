// Allocates what is known beforehand, and says so; run it with GODEBUG=traceallocfree=1.
//
// usage: program FORM TRACE TRUTH
//
// The trace goes to TRACE. TRUTH gets, as JSON, which goroutine made how many objects of which type and how
// many of them are still held, by the program's own count.
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

// More than 512 bytes with pointers: the runtime puts a header in front.
type session struct {
	next *session
	body [600]byte
}

type request struct {
	from *session
	path string
	n    int
}

// Without pointers and under 16 bytes: several share a slot.
type tick struct{ n int32 }

// What a goroutine made, and what of it the program still holds at the end.
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
	Form        string      `json:"form"`
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
	// Made before the trace, so that it does not grow within.
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
		log.Fatalf("usage: %s FORM TRACE TRUTH", os.Args[0])
	}
	found = truth{Version: runtime.Version(), Form: os.Args[1]}
	forms := map[string]func(context.Context, int){"registry": remember, "ring": renew, "listeners": accept}
	form, ok := forms[found.Form]
	if !ok {
		log.Fatalf("there is no form %s", found.Form)
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
		ctx, task := trace.NewTask(context.Background(), found.Form)
		defer task.End()
		form(ctx, creator)
	}()
	<-done
	// What was garbage as the first began is freed when the second begins.
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

// remember keeps every session: the leak. Requests and ticks are let go of.
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

// renew keeps the last sessions only: it looks like the leak.
func renew(ctx context.Context, creator int) {
	for n := 0; n < rounds; n++ {
		ring[n%bound] = &session{}
		if n%perGC == perGC-1 {
			gc()
		}
	}
	note(goroutine{id(), creator, "main.main.func1", count{rounds, bound}, count{}})
}

// accept starts goroutines that each keep a session and wait for what never comes.
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

// id is the goroutine's number, which the runtime tells in stacks only.
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
