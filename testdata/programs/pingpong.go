// Goroutines that wait for each other in a known way. Tests refer to lines by the comments at their ends.
package main

import (
	"log"
	"os"
	"runtime/trace"
	"sync"
	"time"
)

const rounds = 8

func main() {
	out := os.Stdout
	if len(os.Args) > 1 {
		file, err := os.Create(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		out = file
	}
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var all sync.WaitGroup
	start := func(run func()) {
		all.Add(1)
		go func() {
			defer all.Done()
			run()
		}()
	}

	there, back := make(chan int), make(chan int)
	start(func() { ping(there, back) })
	start(func() { pong(there, back) })

	toFirst, toSecond := make(chan int), make(chan int)
	start(func() { first(toFirst) })
	start(func() { second(toSecond, toFirst) })
	start(func() { third(toSecond) })

	var mu sync.Mutex
	locked := make(chan bool)
	start(func() { holder(&mu, locked) })
	start(func() { contender(&mu, locked) })

	var work sync.WaitGroup
	work.Add(1)
	start(func() { waiter(&work) })
	start(func() { worker(&work) })

	all.Wait()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

//go:noinline
func ping(there chan<- int, back <-chan int) {
	for i := range make([]int, rounds) {
		there <- i // ping sends
		<-back     // ping receives
	}
}

//go:noinline
func pong(there <-chan int, back chan<- int) {
	for range make([]int, rounds) {
		i := <-there // pong receives
		back <- i    // pong sends
	}
}

//go:noinline
func first(c <-chan int) {
	<-c // first receives
}

//go:noinline
func second(from <-chan int, to chan<- int) {
	to <- <-from // second passes on
}

//go:noinline
func third(to chan<- int) {
	time.Sleep(2 * time.Millisecond) // third sleeps
	to <- 1                          // third sends
}

//go:noinline
func holder(mu *sync.Mutex, locked chan<- bool) {
	mu.Lock()
	close(locked)                    // holder closes
	time.Sleep(2 * time.Millisecond) // holder sleeps
	mu.Unlock()                      // holder unlocks
}

//go:noinline
func contender(mu *sync.Mutex, locked <-chan bool) {
	<-locked  // contender receives
	mu.Lock() // contender locks
	mu.Unlock()
}

//go:noinline
func waiter(work *sync.WaitGroup) {
	work.Wait() // waiter waits
}

//go:noinline
func worker(work *sync.WaitGroup) {
	time.Sleep(2 * time.Millisecond) // worker sleeps
	work.Done()                      // worker is done
}
