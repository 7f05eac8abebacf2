package main

import (
	"log"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// The leaks, by name in lower case. The files that adapt.py writes register them.
var kernels = map[string]func(){}

func register(name string, kernel func()) {
	kernels[name] = kernel
}

var copiesPerCall atomic.Int64

// copies replaces the number of times that a leak repeats itself in Go's tests, where one
// call has to show a leak that needs an unlikely order of events.
func copies(inTest int) int {
	return min(int(copiesPerCall.Load()), inTest)
}

// A pace is how often a leak is called, and how often each call repeats it.
type pace struct {
	period time.Duration
	copies int
}

const (
	usualPeriod = 25 * time.Millisecond
	mostCopies  = 512
	// A leak with rare orders of events is repeated until this many goroutines stay in a second.
	enoughPerSecond = 10
	// If more stay, calls are less frequent, but at least two a second.
	usualPerSecond = 80
	longestPeriod  = 500 * time.Millisecond
	// Calls use at most this share of one CPU.
	mostCPU = 0.3
)

// calibrate finds the slowest pace at which goroutines pile up. Leaks that need no luck are
// called once in each period, as if one request in each period had the bug.
func calibrate(kernel func()) pace {
	chosen := pace{period: usualPeriod, copies: 1}
	for {
		copiesPerCall.Store(int64(chosen.copies))
		leaked, cpu := try(kernel, chosen.period)
		if leaked >= enoughPerSecond {
			// The first time may have been luck.
			again, _ := try(kernel, chosen.period)
			leaked = min(leaked, again)
		}
		log.Printf("calibration: %d copies each %v leak %.0f goroutines per second with %.2f CPUs",
			chosen.copies, chosen.period, leaked, cpu)
		if cpu > mostCPU || leaked >= enoughPerSecond || chosen.copies >= mostCopies {
			slower := max(1, cpu/mostCPU, leaked/usualPerSecond)
			chosen.period = min(longestPeriod, time.Duration(slower*float64(chosen.period)))
			return chosen
		}
		chosen.copies *= 4
	}
}

// try calls the leak for a while and returns how many goroutines stay and how many CPUs it
// uses, both per second.
func try(kernel func(), period time.Duration) (leaked, cpu float64) {
	const calls = 16
	goroutines, begun, used := runtime.NumGoroutine(), time.Now(), cpuTime()
	for i := 0; i < calls; i++ {
		go kernel()
		time.Sleep(period)
	}
	elapsed := time.Since(begun).Seconds()
	// Goroutines that do not leak exit within this time.
	time.Sleep(200 * time.Millisecond)
	return float64(runtime.NumGoroutine()-goroutines) / elapsed, (cpuTime() - used).Seconds() / elapsed
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// repeat calls the leak for ever, each time in a goroutine of its own.
func (p pace) repeat(kernel func()) {
	for range time.Tick(p.period) {
		go kernel()
	}
}
