// cgo on threads of Go: calls that block in C, and callbacks from them that block in Go.
package main

/*
#include <unistd.h>

void fromCall(int depth);

static void callBack(int depth) { fromCall(depth); }
static void nap(int us) { usleep(us); }
*/
import "C"

import (
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"time"
)

//export fromCall
func fromCall(depth C.int) {
	done := make(chan struct{})
	go close(done)
	<-done
	if depth > 0 {
		C.callBack(depth - 1)
	}
	time.Sleep(100 * time.Microsecond)
}

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
	start(func() {
		for i := 0; i < 3; i++ {
			C.nap(2000)
		}
	})
	for i := 0; i < 2; i++ {
		start(func() { C.callBack(2) })
	}
	// Takes the Ps back from threads in C.
	runtime.GC()
	wg.Wait()
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
