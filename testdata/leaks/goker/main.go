// Goker runs one of the goroutine leaks in Go's own test suite again and again, as a
// service with that bug would, and captures profiles, a trace and a GC log of itself. It
// also runs healthy variants of the same load.
//
// The leaks are not in this folder: adapt.py copies them from the Go toolchain.
//
//	goker --kernels                           print the names of the leaks
//	goker --lookalikes                        print the names of the healthy variants
//	goker NAME MODE FOLDER SECONDS            run NAME and write the captures to FOLDER
//
// The MODE is quiet, busy (beside 600 requests a second), or sparse (the same, but the leak is
// called a tenth as often).
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

// How long the program runs before the first profile.
const warmUp = 1500 * time.Millisecond

// A run is what the program did. It becomes truth.json, to which truth.py adds what the profiles
// show.
type run struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // leak or lookalike
	Mode string `json:"mode"` // quiet, busy or sparse

	// How often the leak was called, and how often each call repeats it.
	PeriodMS float64 `json:"period_ms,omitempty"`
	Copies   int     `json:"copies,omitempty"`
}

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 1 && args[0] == "--kernels":
		printNames(kernels)
	case len(args) == 1 && args[0] == "--lookalikes":
		printNames(lookalikes)
	case len(args) == 4 && (args[1] == "quiet" || args[1] == "busy" || args[1] == "sparse"):
		seconds, err := strconv.ParseFloat(args[3], 64)
		if err != nil {
			log.Fatal(err)
		}
		captureRun(args[0], args[1], args[2], time.Duration(seconds*float64(time.Second)))
	default:
		log.Fatalf("usage: %s NAME quiet|busy|sparse FOLDER SECONDS", os.Args[0])
	}
}

func printNames[T any](programs map[string]T) {
	names := make([]string, 0, len(programs))
	for name := range programs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(name)
	}
}

func captureRun(name, mode, folder string, duration time.Duration) {
	done := run{Name: name, Mode: mode}
	settle := time.Duration(0)
	if kernel, ok := kernels[name]; ok {
		pace := calibrate(kernel)
		if mode == "sparse" {
			pace.period *= 10
		}
		done.Kind, done.Copies, done.PeriodMS = "leak", pace.copies, float64(pace.period)/float64(time.Millisecond)
		go pace.repeat(kernel)
	} else if healthy, ok := lookalikes[name]; ok {
		done.Kind, settle = "lookalike", healthy.settle
		go healthy.work(duration)
	} else {
		log.Fatalf("there is no program %s", name)
	}
	if mode != "quiet" {
		go serveRequests(requestsPerSecond, anyHandler)
	}

	life := capture.BeginPlan(folder, planFor(settle+warmUp, duration))
	for n := 0; life.Next(50 * time.Millisecond); n++ {
		traffic.Receive(n).Parse()
	}
	writeTruth(folder, done)
}

// planFor returns a plan with profiles at the start, in the middle and at the end of the
// duration, and a trace of two seconds in its second half.
func planFor(start, duration time.Duration) capture.Plan {
	traceFor := 2 * time.Second
	if limit := duration * 2 / 5; traceFor > limit {
		traceFor = limit
	}
	return capture.Plan{
		ProfilesAt: []time.Duration{start, start + duration/2, start + duration},
		TraceAt:    start + duration/2 + duration/20,
		TraceFor:   traceFor,
	}
}

func writeTruth(folder string, done run) {
	text, err := json.MarshalIndent(done, "", " ")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "truth.json"), append(text, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}
