// Timers: Sleep, After, AfterFunc, Ticker, Reset and Stop.
package main

import (
	"log"
	"os"
	"runtime/trace"
	"sync"
	"time"
)

func main() {
	out := output()
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := 1; i <= 4; i++ {
		wg.Add(1)
		go func(d time.Duration) {
			defer wg.Done()
			for j := 0; j < 4; j++ {
				time.Sleep(d)
			}
		}(time.Duration(i) * time.Millisecond)
	}

	<-time.After(2 * time.Millisecond)

	// The functions run on goroutines that the timer creates.
	fired := make(chan struct{})
	for i := 0; i < 3; i++ {
		time.AfterFunc(time.Duration(i)*time.Millisecond, func() { fired <- struct{}{} })
	}
	for i := 0; i < 3; i++ {
		<-fired
	}

	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 5; i++ {
		<-ticker.C
	}
	ticker.Reset(time.Millisecond)
	<-ticker.C
	ticker.Stop()

	timer := time.NewTimer(time.Hour)
	timer.Reset(time.Millisecond)
	<-timer.C
	timer.Reset(time.Hour)
	timer.Stop()

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
