// GC cycles with known numbers, pauses and heap sizes. Next to the trace, the program writes a log TRACE.gctrace with
// the lines of GODEBUG=gctrace=1 and, for each GC cycle within the trace, a line "pause NUMBER NANOSECONDS" from
// runtime.MemStats. Run it with GODEBUG=gctrace=1.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
	"syscall"
)

const (
	workers = 2
	kept    = 24
	rounds  = 160
	size    = 128 << 10
)

var keep [workers][kept][]byte

func main() {
	out := os.Stdout
	if len(os.Args) > 1 {
		file, err := os.Create(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		out = file
		account, err := os.Create(os.Args[1] + ".gctrace")
		if err != nil {
			log.Fatal(err)
		}
		// The runtime writes its lines to this file descriptor.
		if err := syscall.Dup2(int(account.Fd()), 2); err != nil {
			log.Fatal(err)
		}
	}
	// No GC is in progress when the trace starts.
	runtime.GC()
	debug.SetGCPercent(-1)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	debug.SetGCPercent(100)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Add(1)
		go allocate(&keep[worker], &wg)
	}
	wg.Wait()
	debug.SetGCPercent(-1)
	// Waits for a GC in progress, and then for its own.
	runtime.GC()
	trace.Stop()

	runtime.ReadMemStats(&after)
	for n := before.NumGC + 1; n <= after.NumGC; n++ {
		fmt.Fprintf(os.Stderr, "pause %d %d\n", n, after.PauseNs[(n+255)%256])
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func allocate(keep *[kept][]byte, wg *sync.WaitGroup) {
	defer wg.Done()
	for i := range rounds {
		keep[i%kept] = make([]byte, size)
	}
}
