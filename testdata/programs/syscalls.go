// System calls: short ones on a file, blocking ones on a raw pipe, polled ones on an os.Pipe.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

func main() {
	out := output()
	// Already in a system call when the trace starts.
	var fds [2]int
	check(syscall.Pipe(fds[:]))
	early := readOnce(fds[0])
	time.Sleep(time.Millisecond)
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	_, err := syscall.Write(fds[1], []byte{'x'})
	check(err)
	<-early
	fileIO()
	rawPipe()
	polledPipe()
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// readOnce reads a byte on another goroutine and closes the channel that it returns.
func readOnce(fd int) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := syscall.Read(fd, make([]byte, 1))
		check(err)
	}()
	return done
}

func fileIO() {
	f, err := os.CreateTemp("", "syscalls")
	check(err)
	check(os.Remove(f.Name()))
	block := make([]byte, 4096)
	for i := 0; i < 10; i++ {
		_, err := f.Write(block)
		check(err)
	}
	for i := 0; i < 10; i++ {
		_, err := f.ReadAt(block, int64(i*len(block)))
		check(err)
	}
	check(f.Sync())
	check(f.Close())
}

// rawPipe blocks a thread in read long enough that its P is stolen, by the monitor
// thread (sysmon) and by a stop-the-world.
func rawPipe() {
	var fds [2]int
	check(syscall.Pipe(fds[:]))
	for i := 0; i < 5; i++ {
		done := readOnce(fds[0])
		switch i {
		case 1:
			time.Sleep(15 * time.Millisecond)
		case 3:
			runtime.GC()
		default:
			spin(3 * time.Millisecond)
		}
		_, err := syscall.Write(fds[1], []byte{'x'})
		check(err)
		<-done
	}
	check(syscall.Close(fds[0]))
	check(syscall.Close(fds[1]))
}

// polledPipe waits in the network poller, which os.Pipe uses.
func polledPipe() {
	r, w, err := os.Pipe()
	check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [1]byte
		for i := 0; i < 5; i++ {
			_, err := r.Read(b[:])
			check(err)
		}
	}()
	for i := 0; i < 5; i++ {
		time.Sleep(time.Millisecond)
		_, err := w.Write([]byte{'x'})
		check(err)
	}
	<-done
	check(r.Close())
	check(w.Close())
}

// spin leaves no P idle, so that a P in a system call is needed elsewhere.
func spin(d time.Duration) {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i := 0; i < runtime.GOMAXPROCS(0); i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) {
			}
		}()
	}
	wg.Wait()
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
