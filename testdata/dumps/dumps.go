// Writes goroutine dumps in text, and goroutine profiles of the same moments.
//
// usage: dumps DIR     write DIR/CASE.txt and DIR/CASE.pb.gz for each case that lives on
//
//	dumps CRASH   crash in this way, and write the dump to standard error
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// cases start goroutines that wait forever. Each runs in a process of its own.
var cases = map[string]func(){
	"channels": func() { channels(); deep() },
	"locks":    locks,
	"system":   system,
	"labels":   labels,
}

// crashes end the program.
var crashes = map[string]func(){
	"deadlock": func() { channels(); settle(); locked.Lock(); locked.Lock() },
	"panic":    func() { channels(); settle(); panic("boom\nin two lines") },
	"nil":      func() { settle(); go func(p *int) { *p = 1 }(nil); time.Sleep(time.Minute) },
	"mapwrite": mapWrite,
	"quit":     func() { system(); settle(); syscall.Kill(os.Getpid(), syscall.SIGQUIT); time.Sleep(time.Minute) },
}

// minute is how long the goroutines of the case locks have to wait until a dump has their times. The runtime notes when
// a wait began at the next collection, but in Go 1.21 not at the first one of a process.
const minute = 61 * time.Second

func main() {
	if crash := crashes[os.Args[1]]; crash != nil {
		crash()
	}
	start := cases[os.Args[2]]
	start()
	settle()
	if os.Args[2] == "locks" {
		runtime.GC()
		runtime.GC()
		time.Sleep(minute)
	}
	write(filepath.Join(os.Args[1], os.Args[2]))
}

// settle waits until all goroutines have blocked.
func settle() { time.Sleep(200 * time.Millisecond) }

func write(name string) {
	// The marks of leaked goroutines exist after this profile (Go 1.26 and later).
	if leaks := pprof.Lookup("goroutineleak"); leaks != nil {
		check(leaks.WriteTo(create(name+".leak.pb.gz"), 0))
	}
	check(pprof.Lookup("goroutine").WriteTo(create(name+".txt"), 2))
	check(pprof.Lookup("goroutine").WriteTo(create(name+".pb.gz"), 0))
}

func create(name string) *os.File {
	file, err := os.Create(name)
	check(err)
	return file
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

type queue[T any] struct{ ch chan T }

func (q *queue[T]) send(v T) { q.ch <- v }

//go:noinline
func recurse(depth int, f func()) {
	if depth == 0 {
		f()
		return
	}
	recurse(depth-1, f)
}

func channels() {
	q := &queue[string]{ch: make(chan string)}
	for i := 0; i < 7; i++ {
		go q.send("x")
	}
	in, out := make(chan int), make(chan int)
	for i := 0; i < 5; i++ {
		go func() { <-in }()
	}
	for i := 0; i < 3; i++ {
		go func() {
			select {
			case <-in:
			case out <- i:
			}
		}()
	}
	go func() { select {} }()
	go func() { var none chan int; <-none }()
	go func() { var none chan int; none <- 1 }()
}

// deep starts a goroutine whose stack is too long to be printed whole.
func deep() {
	never := make(chan int)
	go recurse(150, func() { <-never })
}

var (
	locked   sync.Mutex
	rwLocked sync.RWMutex
	group    sync.WaitGroup
	cond     = sync.NewCond(new(sync.Mutex))
)

func locks() {
	locked.Lock()
	rwLocked.RLock()
	group.Add(1)
	go rwLocked.Lock()
	settle()
	for i := 0; i < 4; i++ {
		go locked.Lock()
		go func() { rwLocked.RLock() }()
	}
	go group.Wait()
	go func() { cond.L.Lock(); cond.Wait() }()
	go time.Sleep(time.Hour)
	channels()
}

// writer keeps a pipe open.
var writer *os.File

func system() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() { _, err := listener.Accept(); check(err) }()
	read, write, err := os.Pipe()
	check(err)
	writer = write
	go func() { _, err := read.Read(make([]byte, 1)); check(err) }()
	never := make(chan int)
	go func() { runtime.LockOSThread(); <-never }()
	for i := 0; i < 2; i++ {
		go func() {
			var fds [2]int
			check(syscall.Pipe(fds[:]))
			syscall.Read(fds[0], make([]byte, 1))
		}()
	}
}

func labels() {
	never := make(chan int)
	for i := 0; i < 3; i++ {
		set := pprof.Labels("tenant", fmt.Sprint(i), "a key", "quoted \"\\ \u00e9, }:\n")
		go pprof.Do(context.Background(), set, func(context.Context) { <-never })
	}
}

func mapWrite() {
	m := map[int]int{}
	for i := 0; i < 4; i++ {
		go func() {
			for {
				m[i]++
			}
		}()
	}
	time.Sleep(time.Minute)
}
