// Coroutines of iter.Pull: run to the end, stopped early, passed between goroutines, blocked and panicking.
package main

import (
	"iter"
	"log"
	"os"
	"runtime/trace"
	"time"
)

func main() {
	out := output()
	// Not resumed before the trace starts.
	next, stop := iter.Pull(count(3))
	next()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	next()
	stop()

	drain()
	stopEarly()
	handOver()
	nestedPull()
	panicking()

	// Left suspended at the end.
	pairs, _ := iter.Pull2(enumerate([]string{"a", "b"}))
	pairs()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func count(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

func enumerate(words []string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i, w := range words {
			if !yield(i, w) {
				return
			}
		}
	}
}

func drain() {
	next, stop := iter.Pull(count(20))
	defer stop()
	for _, ok := next(); ok; _, ok = next() {
	}
}

// stopEarly stops one coroutine halfway and another before it has run.
func stopEarly() {
	next, stop := iter.Pull(count(20))
	next()
	next()
	stop()
	_, stop = iter.Pull(count(20))
	stop()
}

// handOver resumes one coroutine from two goroutines in turn.
func handOver() {
	next, stop := iter.Pull(count(10))
	defer stop()
	turns := [2]chan bool{make(chan bool), make(chan bool)}
	done := make(chan struct{})
	for i := range turns {
		go func(mine, other chan bool) {
			for <-mine {
				_, ok := next()
				other <- ok
			}
			done <- struct{}{}
		}(turns[i], turns[1-i])
	}
	turns[0] <- true
	<-done
	// The goroutine that saw the end waits for its next turn.
	close(turns[0])
	<-done
}

// nestedPull pulls from a coroutine that pulls from another and sleeps in between.
func nestedPull() {
	outer := func(yield func(int) bool) {
		next, stop := iter.Pull(count(5))
		defer stop()
		for v, ok := next(); ok; v, ok = next() {
			time.Sleep(100 * time.Microsecond)
			if !yield(v * v) {
				return
			}
		}
	}
	next, stop := iter.Pull(outer)
	defer stop()
	for _, ok := next(); ok; _, ok = next() {
	}
}

func panicking() {
	defer func() { _ = recover() }()
	next, stop := iter.Pull(func(yield func(int) bool) {
		yield(1)
		panic("in the sequence")
	})
	defer stop()
	next()
	next()
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
