// Many traces started and stopped in one process, while goroutines are working. The last one is written.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	out := output()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, f := range []func(){exchange, collect, annotate} {
		wg.Add(1)
		go func(f func()) {
			defer wg.Done()
			for !stop.Load() {
				f()
			}
		}(f)
	}
	const rounds = 30
	for i := 0; i < rounds; i++ {
		var w io.Writer = io.Discard
		if i == rounds-1 {
			w = out
		}
		if err := trace.Start(w); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		trace.Stop()
	}
	stop.Store(true)
	wg.Wait()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func exchange() {
	c := make(chan int)
	go func() { c <- 1 }()
	<-c
	time.Sleep(50 * time.Microsecond)
}

func collect() {
	runtime.GC()
	time.Sleep(200 * time.Microsecond)
}

// annotate keeps a task and a region open across the starts and stops.
func annotate() {
	ctx, task := trace.NewTask(context.Background(), "astride")
	trace.WithRegion(ctx, "astride", func() { time.Sleep(700 * time.Microsecond) })
	task.End()
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
