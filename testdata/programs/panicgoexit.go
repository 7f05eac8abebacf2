// Goroutines that exit by return, recovered panic and runtime.Goexit, and one that does not exit.
package main

import (
	"errors"
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	start := func(f func()) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
		}()
	}
	for i := 0; i < 3; i++ {
		start(func() {})
		start(recovered)
		start(repanicked)
		start(fault)
		start(runtime.Goexit)
		start(goexitInDefer)
		start(func() { go time.Sleep(time.Millisecond) })
	}
	wg.Wait()
	// Still blocked when the trace ends.
	go func() { <-make(chan int) }()
	time.Sleep(2 * time.Millisecond)
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func recovered() {
	defer func() { _ = recover() }()
	time.Sleep(100 * time.Microsecond)
	panic(errors.New("recovered"))
}

func repanicked() {
	defer func() { _ = recover() }()
	defer func() {
		if r := recover(); r != nil {
			time.Sleep(100 * time.Microsecond)
			panic("again")
		}
	}()
	panic("once")
}

// fault panics because of a signal.
func fault() {
	defer func() {
		if recover() == nil {
			log.Fatal("no fault")
		}
		time.Sleep(100 * time.Microsecond)
	}()
	var p *int
	*p = 1
}

// goexitInDefer calls Goexit during a panic.
func goexitInDefer() {
	defer runtime.Goexit()
	panic("abandoned")
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
