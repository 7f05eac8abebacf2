// Program main makes the runtime write GC logs of different shapes, and sometimes prints the
// values of runtime.MemStats for the same GC cycles.
//
// usage: GODEBUG=gctrace=1 main leak|cache|batch|steady|mixed 2>log
//
// A line that starts with "check " is about the GC cycle before it, which the program forced.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

var (
	kept    [][]byte
	garbage []byte
)

// churn allocates n MiB of garbage.
func churn(n int) {
	for i := 0; i < n*16; i++ {
		garbage = make([]byte, 64*kib)
	}
}

func keep(size int) {
	kept = append(kept, make([]byte, size))
}

// check forces a GC and prints the values of MemStats before and after it.
func check() {
	// There is rarely another GC in between. If there is one, nothing is printed.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.NumGC != before.NumGC+1 {
		return
	}
	fmt.Fprintf(os.Stderr,
		"check n=%d next_gc=%d heap_before=%d heap_after=%d pause_ns=%d gc_cpu_fraction=%v forced=%d procs=%d\n",
		after.NumGC, before.NextGC, before.HeapAlloc, after.HeapAlloc, after.PauseNs[(after.NumGC+255)%256],
		after.GCCPUFraction, after.NumForcedGC, runtime.GOMAXPROCS(0))
}

// run takes steps of some milliseconds, and calls check after every fifteenth.
func run(steps int, step func(i int)) {
	for i := 0; i < steps; i++ {
		step(i)
		time.Sleep(2 * time.Millisecond)
		if i%15 == 14 {
			check()
		}
	}
}

func main() {
	switch os.Args[1] {
	case "leak":
		// Each step leaks 200 kB.
		run(150, func(int) { churn(2); keep(200 * kib) })
	case "cache":
		// The cache fills up in the first quarter.
		run(150, func(i int) {
			churn(4)
			if i < 40 {
				keep(mib)
			}
		})
	case "batch":
		// Allocate 30 MiB and free them, five times.
		run(150, func(i int) {
			churn(2)
			keep(mib)
			if i%30 == 29 {
				kept = nil
			}
		})
	case "steady":
		keep(10 * mib)
		run(60, func(int) { churn(4) })
	case "mixed":
		mixed()
	default:
		panic("unknown mode " + os.Args[1])
	}
	check()
	runtime.KeepAlive(kept)
}

// mixed prints other lines in between, forces a GC without a goal, and looks for leaked goroutines if the runtime can.
func mixed() {
	keep(5 * mib)
	run(15, func(i int) {
		churn(3)
		fmt.Fprintf(os.Stderr, "2026/11/25 15:00:00 request %d took %d ms, gc was on\n", i, i%7)
	})
	debug.SetGCPercent(-1)
	// The next cycle still has the old goal, the second one has none.
	check()
	check()
	debug.SetGCPercent(100)
	runtime.GC()
	go func() { <-make(chan int) }()
	time.Sleep(time.Millisecond)
	if leaks := pprof.Lookup("goroutineleak"); leaks != nil {
		if err := leaks.WriteTo(io.Discard, 0); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stderr, "looked for leaks")
	}
}
