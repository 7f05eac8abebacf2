// Channels: send, receive and select; buffered, unbuffered, closed and nil.
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
	unbuffered()
	buffered()
	selects()
	closeWakesAll()
	blockForever()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// unbuffered makes each side wait for the other in turn.
func unbuffered() {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v + 1
		}
		close(pong)
	}()
	for i := 0; i < 20; i++ {
		ping <- i
		<-pong
	}
	close(ping)
	<-pong
}

// buffered fills a queue until its sender blocks, and then drains it until its receiver blocks.
func buffered() {
	queue := make(chan int, 4)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := 0; i < 12; i++ {
			queue <- i
		}
		close(queue)
	}()
	time.Sleep(time.Millisecond)
	for range queue {
	}
	<-sent
}

// selects blocks in a select with two senders, a default and a timeout.
func selects() {
	a, b, quit := make(chan int), make(chan int), make(chan struct{})
	var senders sync.WaitGroup
	for _, c := range []chan int{a, b} {
		senders.Add(1)
		go func(c chan<- int) {
			defer senders.Done()
			for i := 0; i < 5; i++ {
				select {
				case c <- i:
				case <-quit:
				}
			}
		}(c)
	}
	for i := 0; i < 10; i++ {
		select {
		case <-a:
		case <-b:
		}
	}
	senders.Wait()
	select {
	case <-a:
	default:
	}
	select {
	case <-a:
	case <-time.After(time.Millisecond):
	}
	close(quit)
}

// closeWakesAll closes a channel on which several goroutines wait.
func closeWakesAll() {
	gate := make(chan struct{})
	var waiters sync.WaitGroup
	for i := 0; i < 6; i++ {
		waiters.Add(1)
		go func() {
			defer waiters.Done()
			<-gate
		}()
	}
	time.Sleep(time.Millisecond)
	close(gate)
	waiters.Wait()
}

// blockForever starts goroutines that nothing can wake.
func blockForever() {
	var none chan int
	go func() { <-none }()
	go func() { none <- 1 }()
	go func() { select {} }()
	time.Sleep(time.Millisecond)
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
