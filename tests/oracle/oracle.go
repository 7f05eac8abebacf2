// Oracle prints the results of the analyses of go tool trace as JSON lines.
// They are the expected values of gotrace's tests.
//
//	oracle FILE
//
// An overlay adds this file to the package cmd/trace (see build.sh), so that
// goroutines, tasks and regions come from the tool's own parseTrace, profiles
// from its computePprof functions and mutator utilization from internal/trace.
//
// The "kind" of a line says what it describes:
//
//	goroutine  one trace.GoroutineSummary. Times in nanoseconds of the trace's
//	           clock, 0 for "never". Stats are NonOverlappingStats without zeros.
//	region     one of its regions
//	task       one trace.UserTaskSummary
//	frame      a frame of the profiles
//	profile    go tool trace -pprof=TYPE, one line for each stack: PCs, innermost first
//	windows    the windows of the MMU lines, in nanoseconds
//	mmu        the MMU for these windows with trace.UtilFlags, and the MUD for
//	           every tenth window at the tool's quantiles. If the values equal
//	           those of lower flags, "same" names these flags instead.
//
// If Go panics, the line has "panic" instead of values.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"internal/trace"
	"internal/trace/traceviewer"
	"log"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"
)

// Init exits, so that the tool's main does not run.
func init() {
	if len(os.Args) != 2 {
		log.Fatal("usage: oracle FILE")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := parseTrace(f, info.Size())
	if err != nil {
		log.Fatal(err)
	}
	if parsed.err != nil {
		log.Fatal(parsed.err)
	}
	out := bufio.NewWriter(os.Stdout)
	o := oracle{trace: parsed, json: json.NewEncoder(out)}
	o.json.SetEscapeHTML(false)
	o.goroutines()
	o.tasks()
	o.profiles()
	o.utilization()
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
	os.Exit(0)
}

type oracle struct {
	trace *parsedTrace
	json  *json.Encoder
}

type line map[string]any

func (o *oracle) print(l line) {
	if err := o.json.Encode(l); err != nil {
		log.Fatal(err)
	}
}

func nonZero(stats map[string]time.Duration) map[string]int64 {
	out := make(map[string]int64)
	for name, d := range stats {
		if d != 0 {
			out[name] = int64(d)
		}
	}
	return out
}

func timeOf(ev *trace.Event) any {
	if ev == nil {
		return nil
	}
	return int64(ev.Time())
}

func (o *oracle) goroutines() {
	gs := o.trace.summary.Goroutines
	for _, id := range slices.Sorted(maps.Keys(gs)) {
		g := gs[id]
		o.print(line{
			"kind": "goroutine", "id": id, "name": g.Name,
			"creation": g.CreationTime, "start": g.StartTime, "end": g.EndTime, "total": g.TotalTime,
			"stats": nonZero(g.NonOverlappingStats()), "ranges": nonZero(g.RangeTime),
		})
		for _, r := range g.Regions {
			o.print(line{
				"kind": "region", "go": id, "task": r.TaskID, "name": r.Name,
				"start": timeOf(r.Start), "end": timeOf(r.End), "total": r.TotalTime,
				"stats": nonZero(r.NonOverlappingStats()), "ranges": nonZero(r.RangeTime),
			})
		}
	}
}

func (o *oracle) tasks() {
	ts := o.trace.summary.Tasks
	for _, id := range slices.Sorted(maps.Keys(ts)) {
		t := ts[id]
		l := line{
			"kind": "task", "id": id, "name": t.Name, "start": timeOf(t.Start), "end": timeOf(t.End),
			"logs": len(t.Logs), "regions": len(t.Regions), "goroutines": slices.Sorted(maps.Keys(t.Goroutines)),
		}
		if t.Parent != nil {
			l["parent"] = t.Parent.ID
		}
		o.print(l)
	}
}

func (o *oracle) profiles() {
	kinds := []struct {
		name    string
		compute computePprofFunc
	}{
		{"net", computePprofIO()},
		{"sync", computePprofBlock()},
		{"syscall", computePprofSyscall()},
		{"sched", computePprofSched()},
	}
	frames := make(map[uint64]trace.StackFrame)
	region := o.regionType()
	for _, kind := range kinds {
		o.profile(frames, kind.name, "", pprofByGoroutine(kind.compute, o.trace), url.Values{})
		// The same profile, restricted to the goroutines that run one function,
		// and to one type of region.
		group := url.Values{"name": {"main.main.func1"}}
		o.profile(frames, kind.name, "main.main.func1", pprofByGoroutine(kind.compute, o.trace), group)
		if region != "" {
			filter := url.Values{"type": {region}}
			o.profile(frames, kind.name, "region "+region, pprofByRegion(kind.compute, o.trace), filter)
		}
	}
	for _, pc := range slices.Sorted(maps.Keys(frames)) {
		f := frames[pc]
		o.print(line{"kind": "frame", "pc": f.PC, "func": f.Func, "file": f.File, "line": f.Line})
	}
}

// regionType returns the alphabetically first type of region, or "".
func (o *oracle) regionType() (name string) {
	for _, g := range o.trace.summary.Goroutines {
		for _, r := range g.Regions {
			if name == "" || r.Name != "" && r.Name < name {
				name = r.Name
			}
		}
	}
	return name
}

type record struct {
	pcs   []uint64
	count uint64
	ns    int64
}

func (o *oracle) profile(frames map[uint64]trace.StackFrame, kind, only string, f traceviewer.ProfileFunc, params url.Values) {
	prof, err := f(&http.Request{Form: params})
	if err != nil {
		o.print(line{"kind": "profile", "type": kind, "only": only, "error": err.Error()})
		return
	}
	var records []record
	for _, p := range prof {
		r := record{pcs: []uint64{}, count: p.Count, ns: int64(p.Time)}
		for _, frame := range p.Stack {
			frames[frame.PC] = frame
			r.pcs = append(r.pcs, frame.PC)
		}
		if r.count > 0 {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(slices.Compare(a.pcs, b.pcs), cmp.Compare(a.ns, b.ns))
	})
	for _, r := range records {
		o.print(line{"kind": "profile", "type": kind, "only": only, "stack": r.pcs, "count": r.count, "ns": r.ns})
	}
}

const (
	allFlags = trace.UtilPerProc<<1 - 1
	windows  = 100
)

func (o *oracle) utilization() {
	// From a microsecond to slightly more than the length of the trace.
	duration := float64(o.trace.endTime() - o.trace.startTime())
	var ws []time.Duration
	for i := range windows {
		w := 1000 * math.Exp(float64(i)/(windows-5)*math.Log(max(duration/1000, 2)))
		ws = append(ws, time.Duration(w))
	}
	o.print(line{"kind": "windows", "ns": ws})
	seen := make(map[string]trace.UtilFlags)
	for flags := trace.UtilFlags(0); flags <= allFlags; flags++ {
		l := line{"kind": "mmu"}
		curve, why := curveOf(o.trace.events, flags)
		if why != "" {
			l["panic"] = why
		} else {
			var mmus []float64
			var muds [][]float64
			for i, w := range ws {
				mmus = append(mmus, curve.MMU(w))
				if i%10 == 0 {
					muds = append(muds, curve.MUD(w, []float64{0, 1 - .999, 1 - .99, 1 - .95}))
				}
			}
			l["mmu"], l["mud"] = mmus, muds
		}
		values := fmt.Sprint(l)
		if same, ok := seen[values]; ok {
			l = line{"kind": "mmu", "same": same}
		} else {
			seen[values] = flags
		}
		l["flags"] = flags
		o.print(l)
	}
}

func curveOf(events []trace.Event, flags trace.UtilFlags) (curve *trace.MMUCurve, why string) {
	defer func() {
		if v := recover(); v != nil {
			why = fmt.Sprint(v)
		}
	}()
	return trace.NewMMUCurve(trace.MutatorUtilizationV2(events, flags)), ""
}
