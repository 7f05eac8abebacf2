// Package capture captures what an engineer captures of a service that seems to
// leak: heap and goroutine profiles some time apart, the size of the process at the same
// times, and an execution trace between them. The runtime writes the GC log to standard error because of
// GODEBUG=gctrace=1, among the lines of the program.
//
// Heap profiles are the same as from /debug/pprof/heap without gc=1: they show
// the state after the last complete GC, and no GC is forced, since that would hide
// the effects of a delayed one. The one exception is the goroutineleak profile
// (Go 1.27), which runs a GC to find goroutines that nothing can wake. It is
// captured last.
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

// A Plan says when the files are captured, in time since the start of the Life.
type Plan struct {
	ProfilesAt []time.Duration
	TraceAt    time.Duration
	TraceFor   time.Duration
}

// The plan of the small services.
var servicePlan = Plan{
	ProfilesAt: []time.Duration{1200 * time.Millisecond, 2700 * time.Millisecond, 4200 * time.Millisecond},
	TraceAt:    2900 * time.Millisecond,
	TraceFor:   800 * time.Millisecond,
}

// The programs run for seconds and grow by megabytes, not for days and by
// gigabytes. A sampling rate eight times as high as Go's default compensates for that.
const memProfileRate = 64 << 10

func init() {
	runtime.MemProfileRate = memProfileRate
}

// Life is the run of a program. It ends when everything is captured.
type Life struct {
	folder string
	plan   Plan
	begun  time.Time
	over   chan struct{}
}

// Begin starts the captures, which write to the folder named by the first
// argument.
func Begin() *Life {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s FOLDER", os.Args[0])
	}
	return BeginPlan(os.Args[1], servicePlan)
}

// BeginPlan starts the captures of a plan, which write to a folder.
func BeginPlan(folder string, plan Plan) *Life {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds | log.LUTC)
	log.Printf("serving, %s", runtime.Version())
	life := &Life{folder: folder, plan: plan, begun: time.Now(), over: make(chan struct{})}
	go life.take()
	return life
}

// Next waits for the next piece of work. It returns false when the run is over.
func (l *Life) Next(period time.Duration) bool {
	time.Sleep(period)
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// Age returns the time since the start.
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
	for i, at := range l.plan.ProfilesAt {
		if !traced && l.plan.TraceAt < at {
			l.sleepUntil(l.plan.TraceAt)
			l.trace()
			traced = true
		}
		l.sleepUntil(at)
		l.profile("heap", fmt.Sprintf("heap.%d.pb.gz", i+1))
		l.status(fmt.Sprintf("status.%d", i+1))
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
	time.Sleep(l.plan.TraceFor)
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

// status copies /proc/self/status, which contains the resident memory as VmRSS.
func (l *Life) status(file string) {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		log.Fatal(err)
	}
	l.write(file, bytes.NewBuffer(content))
}

func (l *Life) write(file string, content *bytes.Buffer) {
	if err := os.WriteFile(filepath.Join(l.folder, file), content.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// residentKB returns the resident memory of the process.
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
