// Sweeping: runtime.GC, debug.FreeOSMemory, and allocations that sweep before they allocate.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
)

func main() {
	out := output()
	live := fragments(2 << 20)
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	runtime.GC()
	// The next GC is started by an allocation, so its spans are swept by the
	// allocations that follow.
	debug.SetGCPercent(20)
	var large []byte
	for i := 0; i < 12; i++ {
		fragments(64 << 10)
		large = make([]byte, 128<<10)
	}
	runtime.KeepAlive(large)
	runtime.KeepAlive(live)
	live = nil
	debug.FreeOSMemory()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// fragments allocates n bytes in small objects of several sizes and keeps one in eight.
func fragments(n int) (kept [][]byte) {
	for i, size := 0, 0; n > 0; i, n = i+1, n-size {
		size = 64 << (i % 5)
		b := make([]byte, size)
		if i%8 == 0 {
			kept = append(kept, b)
		}
	}
	return kept
}

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
