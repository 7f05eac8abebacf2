// Allocations and frees of objects, spans and stacks. Run it with GODEBUG=traceallocfree=1.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/trace"
)

type point struct{ x, y int }

type list struct {
	head *point
	tail *list
}

var kept *list

func main() {
	out := output()
	runtime.GC()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 10; i++ {
		kept = &list{head: &point{i, i}, tail: kept}
	}
	// Large enough for its own span, which the GC below frees.
	runtime.KeepAlive(make([]byte, 64<<10))
	// The goroutine outgrows its first stack.
	done := make(chan int)
	go func() { done <- grow(200) }()
	<-done
	kept = nil
	runtime.GC()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

//go:noinline
func grow(n int) int {
	var pad [64]int
	if n == 0 {
		return pad[0]
	}
	return grow(n-1) + pad[n%len(pad)]
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
