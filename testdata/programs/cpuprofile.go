// A CPU profile during the trace, so that the trace contains CPU samples.
package main

import (
	"io"
	"log"
	"os"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		log.Fatal(err)
	}
	end := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	for _, f := range []func(){multiply, write} {
		wg.Add(1)
		go func(f func()) {
			defer wg.Done()
			for time.Now().Before(end) {
				f()
			}
		}(f)
	}
	wg.Wait()
	pprof.StopCPUProfile()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

var sink float64

//go:noinline
func multiply() {
	x := 1.0
	for i := 0; i < 5e6; i++ {
		x *= 1.0000001
	}
	sink = x
}

// write makes system calls, so that some samples are in them.
func write() {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	hash := uint32(0)
	for i := uint32(0); i < 20e6; i++ {
		hash = hash*31 + i
	}
	if _, err := f.Write([]byte{byte(hash)}); err != nil {
		log.Fatal(err)
	}
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
