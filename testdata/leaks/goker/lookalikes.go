package main

import (
	"bufio"
	"context"
	"io"
	"log"
	"math"
	"net"
	"sync"
	"time"
)

// A lookalike is a healthy load in which goroutines come and go, or wait for long.
type lookalike struct {
	// How long it takes until the number of goroutines is stable.
	settle time.Duration
	// Runs for ever, or until everything that takes the duration of the capture has happened.
	work func(duration time.Duration)
}

var lookalikes = map[string]lookalike{
	"ok-requests-5ms":   {0, requests(600, "/quick")},
	"ok-requests-200ms": {time.Second, requests(300, "/slow")},
	"ok-requests-2s":    {3 * time.Second, requests(40, "/poll?wait=2s")},
	"ok-longpoll-5s":    {6 * time.Second, requests(20, "/poll?wait=5s")},
	"ok-deadlines":      {time.Second, requests(400, "/late")},
	"ok-fanout":         {0, requests(200, "/fan")},
	"ok-workerpool":     {0, requests(400, "/queue")},
	"ok-mixed":          {time.Second, requests(300, "")},
	"ok-bursts":         {0, bursts},
	"ok-batch":          {0, batches},
	"ok-sessions-3s":    {4 * time.Second, sessions},
	"ok-reconnects":     {3 * time.Second, reconnects},
	"ok-more-clients":   {0, moreClients},
	"ok-busier":         {time.Second, busier},
	"ok-waves":          {time.Second, waves},
	"ok-pipelines":      {time.Second, pipelines},
	"ok-condition":      {time.Second, conditionQueue},
	"ok-tickers":        {3 * time.Second, tickers},
	"ok-subscribers":    {5 * time.Second, subscribers},
}

// requests sends HTTP requests, to any handler if path is empty.
func requests(perSecond int, path string) func(time.Duration) {
	return func(time.Duration) {
		if path == "" {
			serveRequests(perSecond, anyHandler)
		} else {
			serveRequests(perSecond, always(path))
		}
	}
}

// bursts starts 200 goroutines each second, which all exit within 300 ms.
func bursts(time.Duration) {
	for range time.Tick(time.Second) {
		for i := 0; i < 200; i++ {
			go func() {
				time.Sleep(between(50*time.Millisecond, 300*time.Millisecond))
				handle(8 << 10)
			}()
		}
	}
}

// batches runs 60 jobs each 700 ms, at most 8 at a time.
func batches(time.Duration) {
	for range time.Tick(700 * time.Millisecond) {
		go runBatch()
	}
}

func runBatch() {
	var group sync.WaitGroup
	free := make(chan struct{}, 8)
	for i := 0; i < 60; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			free <- struct{}{}
			defer func() { <-free }()
			time.Sleep(between(20*time.Millisecond, 60*time.Millisecond))
			handle(16 << 10)
		}()
	}
	group.Wait()
}

// sessions starts 30 sessions a second. Each lives 3 seconds and gets messages.
func sessions(time.Duration) {
	atRate(30, func() { session(3 * time.Second) })
}

func session(life time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), life)
	defer cancel()
	messages := make(chan int)
	go func() {
		defer close(messages)
		for n := 0; ctx.Err() == nil; n++ {
			time.Sleep(between(200*time.Millisecond, 400*time.Millisecond))
			select {
			case messages <- n:
			case <-ctx.Done():
			}
		}
	}()
	for range messages {
		handle(8 << 10)
	}
}

// reconnects has connections that close after two seconds and are opened again, with a reader
// and a writer on both ends.
func reconnects(time.Duration) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			go echo(connection)
		}
	}()
	for i := 0; i < 60; i++ {
		go func() {
			for {
				connectFor(listener.Addr().String(), between(500*time.Millisecond, 2*time.Second))
			}
		}()
	}
}

// echo sends each line back from a goroutine of its own.
func echo(connection net.Conn) {
	defer connection.Close()
	lines := make(chan string, 1)
	defer close(lines)
	go func() {
		for line := range lines {
			io.WriteString(connection, line)
		}
	}()
	reader := bufio.NewReader(connection)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		handle(4 << 10)
		lines <- line
	}
}

func connectFor(address string, life time.Duration) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		log.Print(err)
		time.Sleep(life)
		return
	}
	go func() {
		io.Copy(io.Discard, connection)
	}()
	for end := time.Now().Add(life); time.Now().Before(end); {
		io.WriteString(connection, "hello\n")
		time.Sleep(100 * time.Millisecond)
	}
	connection.Close()
}

// moreClients has a number of long polls that grows to 90 in the first 40 % of the capture
// and then is constant.
func moreClients(duration time.Duration) {
	const clients = 90
	interval := (warmUp + duration*2/5) / clients
	for i := 0; i < clients; i++ {
		time.Sleep(interval)
		go func() {
			for {
				session(between(time.Second, 2*time.Second))
			}
		}()
	}
}

// busier doubles the number of requests in the middle of the capture.
func busier(duration time.Duration) {
	go serveRequests(200, always("/slow"))
	time.Sleep(time.Second + warmUp + duration/2)
	serveRequests(200, always("/slow"))
}

// waves has a number of requests that rises and falls within four seconds.
func waves(time.Duration) {
	begun := time.Now()
	for range time.Tick(10 * time.Millisecond) {
		phase := 2 * math.Pi * time.Since(begun).Seconds() / 4
		for i := 0.0; i < 2+2*math.Sin(phase); i++ {
			go func() {
				time.Sleep(between(100*time.Millisecond, 300*time.Millisecond))
				handle(8 << 10)
			}()
		}
	}
}

// pipelines starts 20 pipelines a second, each with three stages and closed channels.
func pipelines(time.Duration) {
	atRate(20, func() {
		read, parsed := make(chan int), make(chan uint32, 4)
		go func() {
			defer close(read)
			for n := 0; n < 10; n++ {
				time.Sleep(between(10*time.Millisecond, 50*time.Millisecond))
				read <- n
			}
		}()
		go func() {
			defer close(parsed)
			for range read {
				parsed <- handle(8 << 10)
			}
		}()
		for range parsed {
		}
	})
}

// conditionQueue has goroutines that wait on a condition variable for work that arrives in
// lots of 50.
func conditionQueue(time.Duration) {
	var mu sync.Mutex
	arrived := sync.NewCond(&mu)
	ready := 0
	go func() {
		for range time.Tick(500 * time.Millisecond) {
			mu.Lock()
			ready += 50
			mu.Unlock()
			arrived.Broadcast()
		}
	}()
	atRate(100, func() {
		mu.Lock()
		for ready == 0 {
			arrived.Wait()
		}
		ready--
		mu.Unlock()
		handle(8 << 10)
	})
}

// tickers starts 20 goroutines a second that stop their ticker after 2 seconds.
func tickers(time.Duration) {
	atRate(20, func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; i < 10; i++ {
			<-ticker.C
			handle(4 << 10)
		}
	})
}

// subscribers has 100 subscribers of a topic. Each leaves after some seconds, and a new one
// joins.
func subscribers(time.Duration) {
	var mu sync.Mutex
	topic := map[chan int]bool{}
	for i := 0; i < 100; i++ {
		go func() {
			for {
				mailbox := make(chan int, 16)
				mu.Lock()
				topic[mailbox] = true
				mu.Unlock()
				readUntil(mailbox, time.After(between(time.Second, 4*time.Second)))
				mu.Lock()
				delete(topic, mailbox)
				mu.Unlock()
			}
		}()
	}
	for n := range time.Tick(20 * time.Millisecond) {
		mu.Lock()
		for mailbox := range topic {
			select {
			case mailbox <- n.Nanosecond():
			default:
			}
		}
		mu.Unlock()
	}
}

func readUntil(mailbox chan int, end <-chan time.Time) {
	for {
		select {
		case <-mailbox:
		case <-end:
			return
		}
	}
}
