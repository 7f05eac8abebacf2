// Gotracepeer reads trace files with Go's own trace reader. gotrace's benchmarks
// and differential fuzzing compare with it.
//
//	gotrace-peer raw     [-n RUNS] [-stream] FILE
//	gotrace-peer ordered [-n RUNS] [-stream] FILE
//	gotrace-peer append  [-n RUNS] [-stream] FILE
//	gotrace-peer summary [-n RUNS] [-stream] FILE
//	gotrace-peer mmu     [-n RUNS] [-stream] FILE
//	gotrace-peer check   FILE...
//
// Raw decodes the wire format with internal/trace/raw. It counts every event in
// the file, including structural events: batch headers, strings, stacks. It does
// not support v1 traces (before Go 1.22).
//
// Ordered reads with trace.Reader, the validating reader. It counts the events
// that the reader returns, including synthetic Sync events.
//
// Append does the same and keeps all events in a slice.
//
// Summary passes each event to trace.Summarizer, without keeping it.
//
// Mmu keeps all events, as it has to, and computes the mutator utilization with
// the default flags of go tool trace, and the minimum at 100 windows from a
// microsecond to the length of the trace.
//
// These print one JSON object:
//
//	{"mode":"raw","events":N,"bytes":B,"seconds":S,"peak_rss_bytes":R}
//
// "seconds" is the median of the runs. It excludes reading the file into memory.
// That memory is part of "peak_rss_bytes", which is the peak of the process over
// all runs. It is also live heap, so the garbage collector runs less often. With
// -stream the file is read while it is decoded. Use this to compare peak memory.
//
// Check reads each file to its end, formats every event, and prints one line for
// each file when it is done:
//
//	FILE<TAB>events<TAB>ok
//	FILE<TAB>events<TAB>error: first line of the error
//	FILE<TAB>events<TAB>panic: first line of the panic
//
// where "events" is the number of events before the error. An ok trace may still
// be truncated, see the reader. The exit status is 0 whatever the results of the
// files are, 1 if a file cannot be read or, in other modes, is not a trace, and 2
// if the arguments are wrong. Errors that Go cannot recover from, such as running
// out of memory, kill the process after the lines already printed.
//
// The package imports internal/trace, so it builds only inside GOROOT.
// build-peer.sh uses an overlay for that.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"internal/trace"
	"internal/trace/raw"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A pass reads a trace to its end and returns the number of events.
type pass func(io.Reader) (int, error)

var passes = map[string]pass{
	"raw":     readRaw,
	"ordered": readOrdered,
	"append":  readAppend,
	"summary": readSummary,
	"mmu":     readMMU,
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	mode := os.Args[1]
	flags := flag.NewFlagSet(mode, flag.ExitOnError)
	flags.Usage = usage
	if mode == "check" {
		flags.Parse(os.Args[2:])
		if flags.NArg() == 0 {
			usage()
		}
		check(flags.Args())
		return
	}
	read, ok := passes[mode]
	if !ok {
		usage()
	}
	runs := flags.Int("n", 1, "number of runs; the median time is reported")
	stream := flags.Bool("stream", false, "read the file while decoding, not before")
	flags.Parse(os.Args[2:])
	if flags.NArg() != 1 || *runs < 1 {
		usage()
	}
	result, err := measure(read, flags.Arg(0), *runs, *stream)
	if err != nil {
		fail(err)
	}
	result.Mode = mode
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: gotrace-peer raw|ordered|append|summary|mmu [-n RUNS] [-stream] FILE")
	fmt.Fprintln(os.Stderr, "       gotrace-peer check FILE...")
	os.Exit(2)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "gotrace-peer:", err)
	os.Exit(1)
}

func readRaw(r io.Reader) (int, error) {
	tr, err := raw.NewReader(r)
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		if _, err := tr.ReadEvent(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

func readOrdered(r io.Reader) (int, error) {
	tr, err := trace.NewReader(r)
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		if _, err := tr.ReadEvent(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

func readAppend(r io.Reader) (int, error) {
	events, err := readAll(r)
	return len(events), err
}

func readAll(r io.Reader) ([]trace.Event, error) {
	tr, err := trace.NewReader(r)
	if err != nil {
		return nil, err
	}
	var events []trace.Event
	for {
		ev, err := tr.ReadEvent()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, ev)
	}
}

// sink prevents the compiler from removing computations.
var sink any

func readSummary(r io.Reader) (int, error) {
	tr, err := trace.NewReader(r)
	if err != nil {
		return 0, err
	}
	s := trace.NewSummarizer()
	for n := 0; ; n++ {
		ev, err := tr.ReadEvent()
		if err == io.EOF {
			sink = s.Finalize()
			return n, nil
		}
		if err != nil {
			return n, err
		}
		s.Event(&ev)
	}
}

func readMMU(r io.Reader) (int, error) {
	events, err := readAll(r)
	if err != nil || len(events) == 0 {
		return len(events), err
	}
	utils := trace.MutatorUtilizationV2(events, trace.UtilSTW|trace.UtilBackground|trace.UtilAssist)
	curve := trace.NewMMUCurve(utils)
	first, last := utils[0][0].Time, utils[0][len(utils[0])-1].Time
	factor := math.Pow(float64(last-first)/1000, 1.0/99)
	sum := 0.0
	for i := range 100 {
		sum += curve.MMU(time.Duration(1000 * math.Pow(factor, float64(i))))
	}
	sink = sum
	return len(events), nil
}

// measurement is the output of the modes that measure time.
type measurement struct {
	Mode         string  `json:"mode"`
	Events       int     `json:"events"`
	Bytes        int64   `json:"bytes"`
	Seconds      float64 `json:"seconds"`
	PeakRSSBytes int64   `json:"peak_rss_bytes"`
}

func measure(read pass, name string, runs int, stream bool) (m measurement, err error) {
	f, err := os.Open(name)
	if err != nil {
		return m, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return m, err
	}
	m.Bytes = info.Size()

	var src io.ReadSeeker = f
	if !stream {
		data := make([]byte, m.Bytes)
		if _, err := io.ReadFull(f, data); err != nil {
			return m, err
		}
		src = bytes.NewReader(data)
	}

	var seconds []float64
	for range runs {
		if _, err := src.Seek(0, io.SeekStart); err != nil {
			return m, err
		}
		runtime.GC() // A run must not collect the garbage of the previous one.
		start := time.Now()
		m.Events, err = read(src)
		seconds = append(seconds, time.Since(start).Seconds())
		if err != nil {
			return m, fmt.Errorf("%s: after %d events: %w", name, m.Events, err)
		}
	}
	m.Seconds = median(seconds)
	m.PeakRSSBytes, err = peakRSS()
	return m, err
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	mid := len(xs) / 2
	if len(xs)%2 == 0 {
		return (xs[mid-1] + xs[mid]) / 2
	}
	return xs[mid]
}

// peakRSS returns the peak resident size of the process.
//
// On Linux, getrusage includes the size of the parent before the exec. /proc has
// the size of this program.
func peakRSS() (int64, error) {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			var kib int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
				return kib * 1024, nil
			}
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss), nil // in bytes on Darwin, in KiB elsewhere
	}
	return int64(usage.Maxrss) * 1024, nil
}

// errPanic marks a panic of the reader or of an event's String.
var errPanic = errors.New("panic")

func check(names []string) {
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			fail(err)
		}
		n, err := format(data)
		verdict := "ok"
		if errors.Is(err, errPanic) {
			verdict = firstLine(err)
		} else if err != nil {
			verdict = "error: " + firstLine(err)
		}
		fmt.Printf("%s\t%d\t%s\n", name, n, verdict)
	}
}

// format reads a trace, formats each of its events, and returns their number.
// Formatting calls the getters, several of which panic on traces that the reader
// accepts.
func format(data []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errPanic, v)
		}
	}()
	tr, err := trace.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	for {
		ev, err := tr.ReadEvent()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n++
		_ = ev.String()
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
