// Locks: sync.Mutex, RWMutex, Cond, WaitGroup and Once under contention.
package main

import (
	"log"
	"os"
	"runtime/trace"
	"sync"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	mutex()
	readersAndWriters()
	condition()
	once()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// crowd runs f on n goroutines and waits for them.
func crowd(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			f(i)
		}(i)
	}
	wg.Wait()
}

// mutex sleeps while it holds the lock, so long that the mutex enters starvation mode.
func mutex() {
	var mu sync.Mutex
	shared := 0
	crowd(6, func(int) {
		for i := 0; i < 3; i++ {
			mu.Lock()
			shared++
			time.Sleep(600 * time.Microsecond)
			mu.Unlock()
		}
	})
}

func readersAndWriters() {
	var mu sync.RWMutex
	shared := map[int]int{}
	crowd(6, func(id int) {
		for i := 0; i < 3; i++ {
			if id%3 == 0 {
				mu.Lock()
				shared[i]++
				time.Sleep(200 * time.Microsecond)
				mu.Unlock()
				continue
			}
			mu.RLock()
			_ = shared[i]
			time.Sleep(200 * time.Microsecond)
			mu.RUnlock()
		}
	})
}

// condition wakes waiters one at a time, then the others at once.
func condition() {
	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	tickets := 0
	go func() {
		for i := 0; i < 3; i++ {
			time.Sleep(time.Millisecond)
			mu.Lock()
			tickets++
			mu.Unlock()
			cond.Signal()
		}
		time.Sleep(time.Millisecond)
		mu.Lock()
		tickets += 100
		mu.Unlock()
		cond.Broadcast()
	}()
	crowd(8, func(int) {
		mu.Lock()
		for tickets == 0 {
			cond.Wait()
		}
		tickets--
		mu.Unlock()
	})
}

func once() {
	var o sync.Once
	crowd(4, func(int) {
		o.Do(func() { time.Sleep(time.Millisecond) })
	})
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
