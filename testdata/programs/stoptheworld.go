// Everything that stops the world except the GC, such as profiles, statistics and dumps.
package main

import (
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

func main() {
	out := output()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ticker := time.NewTicker(time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
				case <-stop:
					return
				}
			}
		}()
	}
	for _, f := range []func() error{
		func() error { runtime.ReadMemStats(new(runtime.MemStats)); return nil },
		func() error { return pprof.Lookup("goroutine").WriteTo(io.Discard, 0) },
		func() error { runtime.Stack(make([]byte, 8<<10), true); return nil },
		func() error { debug.WriteHeapDump(null.Fd()); return nil },
		func() error { runtime.GOMAXPROCS(3); return nil },
		everyThread,
	} {
		time.Sleep(time.Millisecond)
		if err := f(); err != nil {
			log.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

// everyThread makes a system call on each of the program's threads.
func everyThread() error {
	if _, _, errno := syscall.AllThreadsSyscall(syscall.SYS_GETPPID, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
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
