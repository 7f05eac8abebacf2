// Profiles of each kind that the runtime writes, with recursion, inlined calls, generics, closures, methods and labels.
// The first argument is the directory for them. With the second argument "text", it also writes them in text form
// (KIND.txt), and no CPU profile, which has no text form.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

func init() {
	runtime.MemProfileRate = 2048
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
}

// inText is whether profiles are also written in text form.
var inText bool

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: profiles DIR [text]")
	}
	inText = len(os.Args) > 2
	dir := os.Args[1]
	warmUp()

	// Heap: two snapshots, between which one function grows, one shrinks and one is new.
	var c cache[string, []byte]
	c.fill(40, 3000)
	temporary := recurse(12)
	collect()
	write(dir, "heap")
	time.Sleep(200 * time.Millisecond)
	runtime.KeepAlive(temporary)
	c.fill(100, 3000)
	late := inlined(30)
	collect()
	write(dir, "heap-later", "heap")
	write(dir, "allocs")
	runtime.KeepAlive(c)
	runtime.KeepAlive(late)

	// Waiting goroutines, some with labels, and some of which wait forever.
	stop := make(chan int)
	var started sync.WaitGroup
	for i := 0; i < 5; i++ {
		started.Add(1)
		go wait(&started, stop)
	}
	pprof.Do(context.Background(), pprof.Labels("worker", "7", "kind", "größer"), func(context.Context) {
		started.Add(1)
		go func() { wait(&started, stop) }()
	})
	for i := 0; i < 3; i++ {
		go leak(make(chan int))
	}
	started.Wait()
	time.Sleep(5 * time.Millisecond)
	write(dir, "goroutine")
	write(dir, "threadcreate")
	if pprof.Lookup("goroutineleak") != nil {
		write(dir, "goroutineleak")
	}
	close(stop)

	contend()
	write(dir, "block")
	write(dir, "mutex")

	if inText {
		return
	}
	cpu, err := os.Create(filepath.Join(dir, "cpu.pb.gz"))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		log.Fatal(err)
	}
	pprof.Do(context.Background(), pprof.Labels("phase", "one"), func(context.Context) { spin(200 * time.Millisecond) })
	spinGeneric[uint32](100 * time.Millisecond)
	pprof.StopCPUProfile()
	if err := cpu.Close(); err != nil {
		log.Fatal(err)
	}
}

var garbage []byte

// warmUp allocates enough for one sample, since the runtime reads MemProfileRate only when it takes one: every 512 kB at first.
func warmUp() {
	for i := 0; i < 8000; i++ {
		garbage = make([]byte, 1024)
	}
	garbage = nil
}

// collect updates the heap profile, which shows the state of two GC cycles ago.
func collect() {
	runtime.GC()
	runtime.GC()
}

// write writes a profile. The default kind is the name of the file.
func write(dir, file string, kind ...string) {
	name := append(kind, file)[0]
	writeAs(filepath.Join(dir, file+".pb.gz"), name, 0)
	if inText {
		writeAs(filepath.Join(dir, file+".txt"), name, 1)
	}
}

func writeAs(path, name string, debug int) {
	out, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(pprof.Lookup(name).WriteTo(out, debug), out.Close()); err != nil {
		log.Fatal(err)
	}
}

type cache[K comparable, V any] struct {
	kept map[K]V
}

func (c *cache[K, V]) put(key K, value V) {
	if c.kept == nil {
		c.kept = make(map[K]V)
	}
	c.kept[key] = value
}

func (c *cache[K, V]) fill(n, size int) {
	for i := 0; i < n; i++ {
		key := any(strings.Repeat("k", 1+len(c.kept))).(K)
		c.put(key, any(make([]byte, size)).(V))
	}
}

type list struct {
	bytes []byte
	next  *list
}

//go:noinline
func recurse(n int) *list {
	if n == 0 {
		return nil
	}
	return &list{make([]byte, 4000), again(n)}
}

//go:noinline
func again(n int) *list { return recurse(n - 1) }

//go:noinline
func inlined(n int) (all [][]byte) {
	for i := 0; i < n; i++ {
		all = append(all, outer(5000+i))
	}
	return all
}

func outer(n int) []byte { return inner(2 * n) }

func inner(n int) []byte { return make([]byte, n) }

func wait(started *sync.WaitGroup, stop chan int) {
	started.Done()
	<-stop
}

func leak(c chan int) { c <- 1 }

func contend() {
	var mu sync.Mutex
	var rw sync.RWMutex
	var done sync.WaitGroup
	for i := 0; i < 4; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for j := 0; j < 3; j++ {
				locked(&mu)
				rw.Lock()
				time.Sleep(time.Millisecond)
				rw.Unlock()
			}
		}()
	}
	done.Wait()
	select {
	case <-make(chan int):
	case <-time.After(3 * time.Millisecond):
	}
}

func locked(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
	time.Sleep(2 * time.Millisecond)
}

var sink uint64

//go:noinline
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		sink += square(sink)
	}
}

func square(n uint64) uint64 {
	for i := uint64(0); i < 2000; i++ {
		n += i * n
	}
	return n
}

//go:noinline
func spinGeneric[T uint32 | uint64](d time.Duration) {
	var sum T
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := T(0); i < 2000; i++ {
			sum += i * sum
		}
	}
	sink += uint64(sum)
}
