// Labels: pprof.Do and SetGoroutineLabels, and the labels that the runtime gives its GC workers.
package main

import (
	"context"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, name := range []string{"parser", "writer", "indexer"} {
		wg.Add(1)
		go func(name string) {
			defer wg.Done()
			pprof.Do(context.Background(), pprof.Labels("worker", name, "phase", "one"), func(ctx context.Context) {
				garbage(200)
				pprof.Do(ctx, pprof.Labels("phase", "two"), func(context.Context) { garbage(200) })
			})
			pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("phase", "three")))
			garbage(100)
		}(name)
	}
	wg.Wait()
	runtime.GC()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

var sink []byte

//go:noinline
func garbage(n int) {
	for i := 0; i < n; i++ {
		b := make([]byte, 1024)
		if i == n-1 {
			runtime.KeepAlive(b)
		}
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
