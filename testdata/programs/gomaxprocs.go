// GOMAXPROCS increased and decreased during the trace, with goroutines running all the time.
package main

import (
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
	runtime.GOMAXPROCS(4)
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := 0; i < 6; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				work(20000)
				time.Sleep(500 * time.Microsecond)
			}
		}()
	}
	for _, n := range []int{2, 1, 8, 3, 3, 1, 4} {
		time.Sleep(2 * time.Millisecond)
		runtime.GOMAXPROCS(n)
	}
	time.Sleep(2 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

//go:noinline
func work(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * i
	}
	return sum
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
