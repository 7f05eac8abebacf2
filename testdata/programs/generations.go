// Tasks, regions and blocked goroutines that last for several generations of the trace.
package main

import (
	"context"
	"log"
	"os"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	ctx, task := trace.NewTask(context.Background(), "long task")
	child, childTask := trace.NewTask(ctx, "long child")

	// Each of these waits from the first generation to the last.
	gate := make(chan struct{})
	var mu sync.Mutex
	mu.Lock()
	var wg sync.WaitGroup
	start := func(f func()) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
	}
	start(func() { trace.WithRegion(child, "blocked receive", func() { <-gate }) })
	start(func() { trace.WithRegion(ctx, "blocked lock", func() { mu.Lock(); mu.Unlock() }) })
	start(func() {
		select {
		case <-gate:
		case <-time.After(time.Minute):
		}
	})
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		log.Fatal(err)
	}
	start(func() {
		defer trace.StartRegion(ctx, "blocked read").End()
		var b [1]byte
		if _, err := syscall.Read(fds[0], b[:]); err != nil {
			log.Fatal(err)
		}
	})
	start(func() { time.Sleep(2100 * time.Millisecond) })

	region := trace.StartRegion(ctx, "main waits")
	for i := 0; i < 11; i++ {
		trace.Log(child, "tick", "tock")
		time.Sleep(200 * time.Millisecond)
	}
	close(gate)
	mu.Unlock()
	if _, err := syscall.Write(fds[1], []byte{'x'}); err != nil {
		log.Fatal(err)
	}
	wg.Wait()
	region.End()
	childTask.End()
	task.End()
	trace.Stop()
	if err := out.Close(); err != nil {
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
