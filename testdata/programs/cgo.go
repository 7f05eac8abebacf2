// cgo: Go calling C that blocks, C threads calling back into Go, and callbacks that call C again.
package main

/*
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

void fromThread(uintptr_t i);
void fromCall(void);

static void *run(void *arg) {
	// At the first callback Go does not know the thread. At the second it may.
	fromThread((uintptr_t)arg);
	usleep(500);
	fromThread((uintptr_t)arg);
	return 0;
}

static void callOnThreads(int n) {
	pthread_t threads[8];
	for (int i = 0; i < n; i++) {
		pthread_create(&threads[i], 0, run, (void *)(uintptr_t)i);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], 0);
	}
}

static void callBack(void) { fromCall(); }
static void nap(int us) { usleep(us); }
*/
import "C"

import (
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"time"
)

//export fromThread
func fromThread(i C.uintptr_t) {
	switch i % 4 {
	case 0:
		C.callBack()
	case 1:
		time.Sleep(time.Millisecond)
	case 2:
		runtime.Gosched()
	}
}

//export fromCall
func fromCall() {
	done := make(chan struct{})
	go close(done)
	<-done
}

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	for i := 0; i < 2; i++ {
		go func() {
			C.callOnThreads(4)
			done <- struct{}{}
		}()
	}
	go func() {
		for i := 0; i < 3; i++ {
			C.nap(2000)
		}
		done <- struct{}{}
	}()
	C.callBack()
	for i := 0; i < 3; i++ {
		<-done
	}
	// Takes the Ps back from threads in C.
	runtime.GC()
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
