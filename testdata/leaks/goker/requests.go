package main

import (
	"context"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/leaks/traffic"
)

const requestsPerSecond = 600

// serveRequests starts an HTTP server and sends it requests over keep-alive connections for
// ever, at a constant rate. handler returns the path of the next request.
func serveRequests(perSecond int, handler func() string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: newService()}
	go server.Serve(listener)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	url := "http://" + listener.Addr().String()
	atRate(perSecond, func() { get(client, url+handler()) })
}

// atRate calls work in a new goroutine, perSecond times a second, for ever.
func atRate(perSecond int, work func()) {
	const ticksPerSecond = 100
	due := 0
	for range time.Tick(time.Second / ticksPerSecond) {
		for due += perSecond; due >= ticksPerSecond; due -= ticksPerSecond {
			go work()
		}
	}
}

func get(client *http.Client, url string) {
	response, err := client.Get(url)
	if err != nil {
		log.Print(err)
		return
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
}

// anyHandler returns the path of a random handler. Most are fast.
func anyHandler() string {
	paths := []string{"/quick", "/quick", "/quick", "/quick", "/ledger", "/ledger", "/answer", "/queue", "/fan", "/late", "/slow"}
	return paths[rand.Intn(len(paths))]
}

func always(path string) func() string {
	return func() string { return path }
}

// A service has handlers that take between 1 and 300 ms and, for long polls, as long as the
// client asks. Each waits in another way, and none leaks.
type service struct {
	mu     sync.Mutex
	ledger map[int]int
	jobs   chan job
}

type job struct {
	size  int
	reply chan uint32
}

func newService() http.Handler {
	s := &service{ledger: map[int]int{}, jobs: make(chan job)}
	for i := 0; i < 16; i++ {
		go s.worker()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/quick", s.quick)
	mux.HandleFunc("/ledger", s.updateLedger)
	mux.HandleFunc("/answer", s.awaitAnswer)
	mux.HandleFunc("/queue", s.queueJob)
	mux.HandleFunc("/fan", s.fanOut)
	mux.HandleFunc("/late", s.giveUp)
	mux.HandleFunc("/slow", s.slow)
	mux.HandleFunc("/poll", s.poll)
	return mux
}

func between(least, most time.Duration) time.Duration {
	return least + time.Duration(rand.Int63n(int64(most-least)+1))
}

// handle is the work that every handler does.
func handle(size int) uint32 {
	return traffic.Receive(rand.Intn(1000)).ParseIn(1, size)
}

func (s *service) quick(w http.ResponseWriter, r *http.Request) {
	handle(32 << 10)
	time.Sleep(between(time.Millisecond, 5*time.Millisecond))
	io.WriteString(w, "ok")
}

func (s *service) updateLedger(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger[rand.Intn(1000)] += int(handle(16<<10) % 100)
	if rand.Intn(20) == 0 {
		time.Sleep(10 * time.Millisecond) // others queue for the lock
	}
	io.WriteString(w, "ok")
}

// awaitAnswer waits for the result of another goroutine.
func (s *service) awaitAnswer(w http.ResponseWriter, r *http.Request) {
	answer := make(chan uint32)
	go func() {
		time.Sleep(between(5*time.Millisecond, 50*time.Millisecond))
		answer <- handle(32 << 10)
	}()
	<-answer
	io.WriteString(w, "ok")
}

func (s *service) queueJob(w http.ResponseWriter, r *http.Request) {
	reply := make(chan uint32, 1)
	s.jobs <- job{size: 32 << 10, reply: reply}
	<-reply
	io.WriteString(w, "ok")
}

func (s *service) worker() {
	for job := range s.jobs {
		time.Sleep(between(5*time.Millisecond, 30*time.Millisecond))
		job.reply <- handle(job.size)
	}
}

// fanOut waits for four goroutines.
func (s *service) fanOut(w http.ResponseWriter, r *http.Request) {
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			time.Sleep(between(2*time.Millisecond, 60*time.Millisecond))
			handle(8 << 10)
		}()
	}
	group.Wait()
	io.WriteString(w, "ok")
}

// giveUp waits for a goroutine that is too slow, until a deadline that ends both.
func (s *service) giveUp(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 150*time.Millisecond)
	defer cancel()
	answer := make(chan uint32, 1)
	go func() {
		select {
		case <-ctx.Done():
		case <-time.After(between(50*time.Millisecond, 250*time.Millisecond)):
			answer <- handle(32 << 10)
		}
	}()
	select {
	case <-ctx.Done():
		w.WriteHeader(http.StatusGatewayTimeout)
	case <-answer:
		io.WriteString(w, "ok")
	}
}

func (s *service) slow(w http.ResponseWriter, r *http.Request) {
	handle(64 << 10)
	time.Sleep(between(100*time.Millisecond, 300*time.Millisecond))
	io.WriteString(w, "ok")
}

// poll answers after the time in the query, as if nothing new had happened until then.
func (s *service) poll(w http.ResponseWriter, r *http.Request) {
	wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	handle(16 << 10)
	news := make(chan string)
	select {
	case text := <-news:
		io.WriteString(w, text)
	case <-time.After(wait):
		io.WriteString(w, "nothing new")
	case <-r.Context().Done():
	}
}
