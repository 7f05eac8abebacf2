// Goroutines locked to their threads: yielding, blocking, handing over, and exiting while locked.
package main

import (
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
	ping, pong := make(chan int), make(chan int)
	start(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for i := 0; i < 10; i++ {
			ping <- i
			<-pong
		}
	})
	start(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for i := 0; i < 10; i++ {
			pong <- <-ping
		}
	})
	for i := 0; i < 3; i++ {
		start(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for j := 0; j < 5; j++ {
				runtime.Gosched()
			}
		})
		start(func() {
			for j := 0; j < 5; j++ {
				runtime.Gosched()
			}
		})
		// The thread exits with the goroutine.
		start(func() {
			runtime.LockOSThread()
			time.Sleep(time.Millisecond)
		})
	}
	wg.Wait()
	time.Sleep(2 * time.Millisecond)
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
