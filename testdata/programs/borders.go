// Ranges that are open when a generation starts. Run it with GODEBUG=traceadvanceperiod=1000000 (1 ms).
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"
)

type node struct {
	next *node
	pad  [7]int
}

func main() {
	out := output()
	runtime.GOMAXPROCS(4)
	debug.SetGCPercent(-1)
	// A list is marked by one worker alone, so it takes long. Meanwhile an allocation
	// has nothing to assist with and waits.
	live := list(300000)
	profiledGarbage(300000)

	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	cycles := collections()
	// The heap is far above this goal, so the GC starts at the next allocation.
	debug.SetGCPercent(10)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				allocate()
			}
		}()
	}
	// The garbage of the first cycle is swept before the second starts.
	for collections() < cycles+2 {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	trace.Stop()
	runtime.KeepAlive(live)
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func list(n int) (head *node) {
	for i := 0; i < n; i++ {
		head = &node{next: head}
	}
	return head
}

var sink *[2]int

// profiledGarbage allocates n objects that the memory profile counts one by one when
// they are freed, which makes sweeping slow.
func profiledGarbage(n int) {
	rate := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	for i := 0; i < n; i++ {
		sink = new([2]int)
	}
	runtime.MemProfileRate = rate
}

// collections returns the number of GC cycles with completed marking.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

//go:noinline
func allocate() []byte { return make([]byte, 32<<10) }

// output returns the file named by the first argument, or standard output.
func output() *os.File {
	if len(os.Args) < 2 {
		return os.Stdout
	}
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	return f
}
