// Writes three goroutine dumps, or three heap profiles in text, of a program over time.
//
// usage: series DIR leak     goroutines that nobody answers pile up: DIR/leak.N.txt
//
//	series DIR pool     a constant number of goroutines waits for work for a minute: DIR/pool.txt
//	series DIR stacks   the stacks of goroutines grow, the heap does not: DIR/stacks.N.txt
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

// minute is how long a goroutine has to wait until a dump has the time.
const minute = 61 * time.Second

func main() {
	dir, name := os.Args[1], os.Args[2]
	switch name {
	case "leak":
		each(func(n int) {
			askAll(15)
			write(create(dir, fmt.Sprintf("leak.%d.txt", n)), "goroutine", 2)
		})
	case "pool":
		startPool()
		settle()
		// The runtime notes when a wait began at the next collection, but in Go 1.21 not at the first one.
		runtime.GC()
		runtime.GC()
		time.Sleep(minute)
		file := create(dir, "pool.txt")
		each(func(int) { write(file, "goroutine", 2) })
	case "stacks":
		each(func(n int) {
			for i := 0; i < 24; i++ {
				go deepen(1000)
			}
			settle()
			// A profile has the state after the last collection.
			runtime.GC()
			write(create(dir, fmt.Sprintf("stacks.%d.txt", n)), "heap", 1)
		})
	}
}

func each(moment func(n int)) {
	for n := 1; n <= 3; n++ {
		moment(n)
		time.Sleep(time.Second)
	}
}

// settle waits until all goroutines have blocked.
func settle() { time.Sleep(200 * time.Millisecond) }

func create(dir, name string) *os.File {
	file, err := os.Create(filepath.Join(dir, name))
	check(err)
	return file
}

func write(out io.Writer, profile string, debug int) {
	check(pprof.Lookup(profile).WriteTo(out, debug))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// askAll asks suppliers, of which only the first is heard.
func askAll(suppliers int) {
	quotes := make(chan int)
	for i := 0; i <= suppliers; i++ {
		go askSupplier(quotes, i)
	}
	<-quotes
	settle()
}

func askSupplier(quotes chan<- int, price int) {
	quotes <- price
}

func startPool() {
	jobs, stop := make(chan int), make(chan bool)
	var started sync.WaitGroup
	for i := 0; i < 12; i++ {
		started.Add(1)
		go work(jobs, stop, &started)
	}
	started.Wait()
	for i := 0; i < 6; i++ {
		go func() { <-stop }()
	}
	hasWork := sync.NewCond(new(sync.Mutex))
	for i := 0; i < 3; i++ {
		go func() { hasWork.L.Lock(); hasWork.Wait() }()
	}
	go time.Sleep(time.Hour)
}

func work(jobs <-chan int, stop <-chan bool, started *sync.WaitGroup) {
	started.Done()
	for {
		select {
		case <-jobs:
		case <-stop:
			return
		}
	}
}

// never is a channel that nobody sends to.
var never = make(chan bool)

//go:noinline
func deepen(depth int) byte {
	var frame [1024]byte
	if depth == 0 {
		<-never
		return frame[0]
	}
	return deepen(depth-1) + frame[depth%len(frame)]
}
