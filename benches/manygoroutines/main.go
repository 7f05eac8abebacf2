// Manygoroutines writes an execution trace of many goroutines, for benchmarks.
//
//	manygoroutines -n 1000000 -o FILE
//
// All goroutines exist at the same time: each is created during the trace and
// blocks on a channel. Then each is woken, blocks in a select, is woken again and
// exits. It builds with Go 1.19 to 1.27.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/trace"
	"sync"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("manygoroutines: ")
	n := flag.Int("n", 1000000, "how many goroutines there are at once")
	output := flag.String("o", "", "the file to write")
	flag.Parse()
	if *output == "" || flag.NArg() != 0 || *n < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*n, *output); err != nil {
		log.Fatal(err)
	}
}

func run(n int, output string) error {
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	if err := trace.Start(f); err != nil {
		return err
	}
	load(n)
	trace.Stop()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "manygoroutines: %s: %d bytes, %d goroutines\n", output, info.Size(), n)
	return f.Close()
}

func load(n int) {
	var started, done sync.WaitGroup
	first, second, never := make(chan int), make(chan int), make(chan int)
	started.Add(n)
	done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			defer done.Done()
			started.Done()
			<-first
			select {
			case <-second:
			case <-never:
			}
		}()
	}
	started.Wait()
	close(first)
	for i := 0; i < n; i++ {
		second <- i
	}
	done.Wait()
}
