// Stacks: deeper than the 128 frames that a trace keeps, recursive, generic, inlined, and of closures.
package main

import (
	"log"
	"os"
	"runtime/trace"
	"sort"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	c := make(chan int)
	go func() {
		for {
			c <- 1
		}
	}()
	// Just below and above the limit, and far above it.
	for _, depth := range []int{1, 120, 124, 125, 126, 127, 128, 129, 300} {
		recurse(depth, c)
	}
	even(40, c)
	closure(5, func() { <-c })()
	generic(3, c)
	generic("three", c)
	generic(pair[int8, *pair[string, error]]{}, c)
	pair[int, string]{}.receive(c)
	inlined(c)
	var r receiver = method{c}
	r.receive()
	// A callback from the library, through a method value.
	f := method{c}.receive
	sort.Slice([]int{3, 1, 2}, func(i, j int) bool { f(); return i < j })
	func() {
		defer func() {
			defer time.Sleep(time.Microsecond)
			<-c
		}()
	}()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

//go:noinline
func recurse(n int, c chan int) {
	if n == 0 {
		time.Sleep(10 * time.Microsecond)
		<-c
		return
	}
	recurse(n-1, c)
}

//go:noinline
func even(n int, c chan int) {
	if n == 0 {
		time.Sleep(10 * time.Microsecond)
		return
	}
	odd(n-1, c)
}

//go:noinline
func odd(n int, c chan int) { even(n-1, c) }

// closure wraps f in n anonymous functions.
func closure(n int, f func()) func() {
	for i := 0; i < n; i++ {
		g := f
		f = func() {
			time.Sleep(10 * time.Microsecond)
			g()
		}
	}
	return f
}

//go:noinline
func generic[T any](v T, c chan int) T {
	time.Sleep(10 * time.Microsecond)
	<-c
	return v
}

type pair[A, B any] struct {
	a A
	b B
}

//go:noinline
func (p pair[A, B]) receive(c chan int) {
	time.Sleep(10 * time.Microsecond)
	<-c
}

type receiver interface{ receive() }

type method struct{ c chan int }

//go:noinline
func (m method) receive() {
	time.Sleep(10 * time.Microsecond)
	<-m.c
}

// The compiler inlines these functions. Stacks contain them nevertheless.
func inlined(c chan int)      { inlinedTwice(c) }
func inlinedTwice(c chan int) { sleepAndReceive(c) }
func sleepAndReceive(c chan int) {
	time.Sleep(10 * time.Microsecond)
	<-c
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
