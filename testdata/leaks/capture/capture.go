// Package capture takes of a running program what an engineer takes of a service
// that seems to leak: heap and goroutine profiles some time apart, and an
// execution trace between them. The GC log comes from the environment
// (GODEBUG=gctrace=1) and goes to standard error, among the program's own lines.
//
// Nothing is tidied up for it. Heap profiles are as /debug/pprof/heap gives them,
// without gc=1: they show what the last finished collection left, and no
// collection is forced, for that would hide what a delayed one looks like. The
// one exception is the goroutineleak profile (Go 1.27), which runs a collection of
// its own to find what nobody can wake; it is the last to be taken.
package capture

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"time"
)

// When things are taken, from the start of the program.
var (
	profilesAt = [...]time.Duration{1200 * time.Millisecond, 2700 * time.Millisecond, 4200 * time.Millisecond}
	traceAt    = 2900 * time.Millisecond
	traceFor   = 800 * time.Millisecond
)

// A program lives for seconds here and grows by megabytes, not for days and by
// gigabytes. Samples eight times as dense as Go's default make up for some of it.
const memProfileRate = 64 << 10

func init() {
	runtime.MemProfileRate = memProfileRate
}

// Life is the time that a program has: until everything is taken.
type Life struct {
	folder string
	begun  time.Time
	over   chan struct{}
}

// Begin starts the program's life. What is taken goes to the folder that the first
// argument names.
func Begin() *Life {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s FOLDER", os.Args[0])
	}
	log.SetFlags(log.LstdFlags | log.Lmicroseconds | log.LUTC)
	log.Printf("serving, %s", runtime.Version())
	life := &Life{folder: os.Args[1], begun: time.Now(), over: make(chan struct{})}
	go life.take()
	return life
}

// Next waits for the next piece of work. It is false when life is over.
func (l *Life) Next(period time.Duration) bool {
	time.Sleep(period)
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// Age is the time since the beginning.
func (l *Life) Age() time.Duration {
	return time.Since(l.begun)
}

// Wait waits for the end.
func (l *Life) Wait() {
	<-l.over
}

func (l *Life) take() {
	defer close(l.over)
	traced := false
	for i, at := range profilesAt {
		if !traced && traceAt < at {
			l.sleepUntil(traceAt)
			l.trace()
			traced = true
		}
		l.sleepUntil(at)
		l.profile("heap", fmt.Sprintf("heap.%d.pb.gz", i+1))
		l.profile("goroutine", fmt.Sprintf("goroutine.%d.pb.gz", i+1))
		log.Printf("profiles taken, %d kB resident", residentKB())
	}
	if pprof.Lookup("goroutineleak") != nil {
		l.profile("goroutineleak", "goroutineleak.pb.gz")
	}
}

func (l *Life) sleepUntil(age time.Duration) {
	time.Sleep(age - l.Age())
}

func (l *Life) trace() {
	var out bytes.Buffer
	if err := trace.Start(&out); err != nil {
		log.Fatal(err)
	}
	time.Sleep(traceFor)
	trace.Stop()
	l.write("trace", &out)
}

func (l *Life) profile(name, file string) {
	var out bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&out, 0); err != nil {
		log.Fatal(err)
	}
	l.write(file, &out)
}

func (l *Life) write(file string, content *bytes.Buffer) {
	if err := os.WriteFile(filepath.Join(l.folder, file), content.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// residentKB is the memory that the kernel counts for the process.
func residentKB() int {
	var pages, resident int
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := fmt.Sscan(string(content), &pages, &resident); err != nil {
		log.Fatal(err)
	}
	return resident * os.Getpagesize() / 1024
}
