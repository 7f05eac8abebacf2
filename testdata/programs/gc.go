// Garbage collection driven by allocation, with mark assists.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
)

type node struct {
	left, right *node
	payload     [4]int
}

// tree gives the GC pointers to follow.
func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

func main() {
	out := output()
	live := tree(15)
	runtime.GC()
	// A GC cycle starts after few allocations, while there is much to mark, so that
	// the allocating goroutines have to assist.
	debug.SetGCPercent(10)
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := 0; j < 3; j++ {
				runtime.KeepAlive(tree(11))
			}
		}()
	}
	wg.Wait()
	trace.Stop()
	runtime.KeepAlive(live)
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
