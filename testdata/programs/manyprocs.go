// Sixteen Ps and more threads, so that many threads appear in one generation.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

func main() {
	out := output()
	runtime.GOMAXPROCS(16)
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		log.Fatal(err)
	}
	// Each reader blocks its own thread.
	const readers, lockers = 16, 24
	var blocked, wg sync.WaitGroup
	for i := 0; i < readers; i++ {
		blocked.Add(1)
		wg.Add(1)
		go func() {
			defer wg.Done()
			blocked.Done()
			var b [1]byte
			if _, err := syscall.Read(fds[0], b[:]); err != nil {
				log.Fatal(err)
			}
		}()
	}
	blocked.Wait()

	var mu sync.Mutex
	shared := 0
	results := make(chan int, 4)
	for i := 0; i < lockers; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := 0; j < 4; j++ {
				mu.Lock()
				shared += work(10000)
				mu.Unlock()
				results <- j
			}
		}()
	}
	for i := 0; i < lockers*4; i++ {
		<-results
	}
	time.Sleep(time.Millisecond)
	if _, err := syscall.Write(fds[1], make([]byte, readers)); err != nil {
		log.Fatal(err)
	}
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
