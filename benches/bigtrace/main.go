// Bigtrace writes a large execution trace of itself, for benchmarks.
//
//	bigtrace -size 120MB -o FILE
//
// It runs a load until the trace reaches the size, then stops tracing and exits.
// The load is similar to a busy service: most goroutines communicate over
// channels. Others contend for locks, wait for timers, allocate, read and write
// a file, start short-lived goroutines, and use HTTP over loopback. About one
// event in a hundred is a user annotation. A CPU profile runs at the same time,
// so that the trace has CPU samples.
//
// It builds with Go 1.19 to 1.27 and needs only the standard library. The kinds
// and proportions of events are similar in each run, but the events differ.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bigtrace: ")
	sizeFlag := flag.String("size", "120MB", "least size of the trace: bytes, or a number with kB, MB or GB")
	output := flag.String("o", "", "the file to write")
	flag.Parse()
	size, err := parseSize(*sizeFlag)
	if err != nil || *output == "" || flag.NArg() != 0 {
		if err != nil {
			log.Print(err)
		}
		flag.Usage()
		os.Exit(2)
	}
	if err := run(size, *output); err != nil {
		log.Fatal(err)
	}
}

func run(size int64, output string) error {
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	w := &meter{w: buf, limit: size, full: make(chan struct{})}

	scratch, err := os.CreateTemp("", "bigtrace-*")
	if err != nil {
		return err
	}
	defer os.Remove(scratch.Name())

	start := time.Now()
	if err := trace.Start(w); err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		return err
	}
	startLoad(scratch)
	<-w.full
	// The load continues, since most traces end while the program is working.
	trace.Stop()
	pprof.StopCPUProfile()

	if err := buf.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	elapsed := time.Since(start).Seconds()
	log.Printf("%s: %d bytes by %s in %.1f s (%.1f MB/s)", output, w.n,
		runtime.Version(), elapsed, float64(w.n)/1e6/elapsed)
	return nil
}

// parseSize reads a size such as 1000, 120MB or 1GB. The units are decimal.
func parseSize(s string) (int64, error) {
	unit := int64(1)
	number := s
	for suffix, factor := range map[string]int64{"kB": 1e3, "MB": 1e6, "GB": 1e9} {
		if strings.HasSuffix(s, suffix) {
			unit, number = factor, strings.TrimSuffix(s, suffix)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("bad size %q", s)
	}
	return n * unit, nil
}

// meter counts the bytes written and closes full when they reach the limit.
// Only the tracer's goroutine writes.
type meter struct {
	w     io.Writer
	n     int64
	limit int64
	full  chan struct{}
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	if err != nil {
		log.Fatal(err) // The tracer would ignore the error and stop.
	}
	before := m.n
	m.n += int64(n)
	if before < m.limit && m.n >= m.limit {
		close(m.full)
	}
	return n, nil
}

// startLoad starts goroutines that run until the process exits. Their numbers
// and pauses determine the proportions of events.
func startLoad(scratch *os.File) {
	jobs := make(chan job)
	done := make(chan result, 16)
	for i := 0; i < 6; i++ {
		go produce(rand.New(rand.NewSource(int64(i))), jobs)
	}
	for i := 0; i < 8; i++ {
		go work(jobs, done)
	}
	go collect(done)

	var l ledger
	l.changed = sync.NewCond(&l.mu)
	for i := 0; i < 4; i++ {
		go l.post()
	}
	go l.audit()

	go allocate(rand.New(rand.NewSource(100)))
	go fanOut()
	for i := 0; i < 2; i++ {
		go tick(jobs)
		go readWrite(scratch, int64(i))
	}

	url := serve()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for i := 0; i < 4; i++ {
		go request(client, url, i)
	}
}

// job is a piece of work. The kind determines its path of calls, so that the
// trace has a few hundred different stacks.
type job struct {
	kind  uint16
	reply chan result
}

type result struct {
	kind uint16
	sum  [sha256.Size]byte
}

// produce submits jobs and waits for each reply. It pauses between bursts, so
// that processors become idle.
func produce(rnd *rand.Rand, jobs chan<- job) {
	reply := make(chan result)
	for n := 0; ; n++ {
		j := job{kind: uint16(rnd.Intn(256)), reply: reply}
		if n%48 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
		if n%28 == 0 {
			annotated(j, jobs)
			continue
		}
		descend(j.kind, 4, func() {
			jobs <- j
			<-j.reply
		})
	}
}

// annotated submits a job within a user task.
func annotated(j job, jobs chan<- job) {
	ctx, task := trace.NewTask(context.Background(), "job")
	defer task.End()
	trace.WithRegion(ctx, "submit", func() {
		jobs <- j
	})
	if j.kind%4 == 0 {
		trace.Logf(ctx, "kind", "%d", j.kind)
	}
	<-j.reply
}

func work(jobs <-chan job, done chan<- result) {
	for j := range jobs {
		j := j
		descend(j.kind, 8, func() {
			r := result{kind: j.kind, sum: digest(j.kind)}
			j.reply <- r
			if j.kind%4 == 0 {
				done <- r
			}
		})
	}
}

func collect(done <-chan result) {
	var last [256]result
	for r := range done {
		last[r.kind%256] = r
	}
}

// digest computes for some microseconds and allocates some garbage.
func digest(kind uint16) [sha256.Size]byte {
	block := make([]byte, 512+int(kind)*2)
	block[0], block[1] = byte(kind), byte(kind>>8)
	sum := sha256.Sum256(block)
	for i := 0; i < 8; i++ {
		copy(block, sum[:])
		sum = sha256.Sum256(block)
	}
	return sum
}

// descend calls f below depth frames. The bits of the path select the functions.
func descend(path uint16, depth int, f func()) {
	switch {
	case depth == 0:
		f()
	case path&1 == 0:
		descendLeft(path>>1, depth-1, f)
	default:
		descendRight(path>>1, depth-1, f)
	}
}

//go:noinline
func descendLeft(path uint16, depth int, f func()) { descend(path, depth, f) }

//go:noinline
func descendRight(path uint16, depth int, f func()) { descend(path, depth, f) }

// ledger has the locks that goroutines contend for.
type ledger struct {
	mu      sync.Mutex
	changed *sync.Cond
	entries uint64
}

// post sometimes yields while it holds the mutex, so that the others block even
// on one processor.
func (l *ledger) post() {
	for n := 0; ; n++ {
		l.mu.Lock()
		l.entries++
		if n%4 == 0 {
			runtime.Gosched()
		}
		l.changed.Signal()
		l.mu.Unlock()
		if n%16 == 0 {
			time.Sleep(200 * time.Microsecond)
		}
	}
}

func (l *ledger) audit() {
	l.mu.Lock()
	for seen := l.entries; ; seen = l.entries {
		for l.entries == seen {
			l.changed.Wait()
		}
	}
}

// node is a tree that the GC has to mark.
type node struct {
	left, right *node
	payload     [48]byte
}

func newTree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: newTree(depth - 1), right: newTree(depth - 1)}
}

// allocate keeps about 60 MB alive and replaces them piece by piece, which causes
// some GC cycles per second.
func allocate(rnd *rand.Rand) {
	var live [512]*node
	for {
		live[rnd.Intn(len(live))] = newTree(10)
		time.Sleep(time.Millisecond)
	}
}

// fanOut starts short-lived goroutines and waits for them.
func fanOut() {
	var sum uint64
	for {
		var group sync.WaitGroup
		for i := 0; i < 8; i++ {
			group.Add(1)
			go func(i int) {
				defer group.Done()
				s := digest(uint16(i))
				atomic.AddUint64(&sum, uint64(s[0]))
			}(i)
		}
		group.Wait()
		time.Sleep(500 * time.Microsecond)
	}
}

// tick selects from timers and the reply of a job.
func tick(jobs chan<- job) {
	ticker := time.NewTicker(time.Millisecond)
	reply := make(chan result)
	for {
		timeout := time.NewTimer(100 * time.Microsecond)
		select {
		case jobs <- job{reply: reply}:
			<-reply
		case <-timeout.C:
		}
		timeout.Stop()
		<-ticker.C
	}
}

// readWrite makes blocking system calls.
func readWrite(f *os.File, slot int64) {
	page := make([]byte, 4096)
	for {
		for i := 0; i < 8; i++ {
			if _, err := f.WriteAt(page, slot*4096); err != nil {
				log.Fatal(err)
			}
			if _, err := f.ReadAt(page, slot*4096); err != nil {
				log.Fatal(err)
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// message is the body of HTTP requests and responses.
type message struct {
	ID    int
	Name  string
	Items []string
}

// serve starts an HTTP server on loopback and returns its URL.
func serve() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m.Items = append(m.Items, m.Name)
		if err := json.NewEncoder(w).Encode(m); err != nil {
			log.Fatal(err)
		}
	}
	go func() {
		log.Fatal(http.Serve(listener, http.HandlerFunc(handler)))
	}()
	return "http://" + listener.Addr().String()
}

func request(client *http.Client, url string, id int) {
	m := message{ID: id, Name: "gopher", Items: []string{"a", "b", "c"}}
	for n := 0; ; n++ {
		if n%8 == 0 {
			time.Sleep(time.Millisecond)
		}
		body, err := json.Marshal(m)
		if err != nil {
			log.Fatal(err)
		}
		resp, err := client.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
	}
}
