// Tasks, regions and logs: nested, across goroutines, started before the trace, and with unusual strings.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/trace"
	"strings"
	"sync"
	"time"
)

func main() {
	out := output()
	before, beforeTask := trace.NewTask(context.Background(), "task begun before the trace")
	// WithRegion, unlike StartRegion, records its end even if tracing was off at its
	// start.
	trace.WithRegion(before, "region begun before the trace", func() {
		if err := trace.Start(out); err != nil {
			log.Fatal(err)
		}
	})
	trace.Log(before, "known", "before the trace")
	beforeTask.End()

	nested()
	goroutines()
	strange()
	background()

	// These do not end.
	open, _ := trace.NewTask(context.Background(), "task that never ends")
	trace.StartRegion(open, "region that never ends")
	trace.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func nested() {
	outer, outerTask := trace.NewTask(context.Background(), "outer")
	defer outerTask.End()
	trace.WithRegion(outer, "prepare", func() {
		inner, innerTask := trace.NewTask(outer, "inner")
		trace.WithRegion(inner, "deep", func() {
			innermost, innermostTask := trace.NewTask(inner, "innermost")
			trace.Log(innermost, "depth", "3")
			innermostTask.End()
		})
		trace.Logf(inner, "depth", "%d", 2)
		innerTask.End()
	})
}

// goroutines spreads the regions of one task over several goroutines, one of which
// exits with its region open, and ends the task while a child of it is still active.
func goroutines() {
	ctx, task := trace.NewTask(context.Background(), "fan out")
	child, childTask := trace.NewTask(ctx, "outlives its parent")
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			region := trace.StartRegion(ctx, fmt.Sprint("part ", i))
			defer region.End()
			trace.Log(ctx, "part", fmt.Sprint(i))
			time.Sleep(time.Millisecond)
		}(i)
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		trace.StartRegion(ctx, "exits open")
	}()
	wg.Wait()
	task.End()
	trace.WithRegion(child, "after the parent", func() {})
	childTask.End()
}

// strange uses strings that need quotes, are cut, or are not UTF-8.
func strange() {
	for _, s := range []string{
		"",
		`quotes "double" and 'single' and a \ backslash`,
		"unicode: žluťoučký kůň, 走れメロス, \U0001F9AB, e\u0301",
		"two\nlines\tand a tab",
		"not UTF-8: \xff\xfe\x80",
		"nul \x00 and escape \x1b",
		strings.Repeat("long ", 300),
		// The 1,024th byte is inside a two-byte character.
		"x" + strings.Repeat("ž", 600),
	} {
		ctx, task := trace.NewTask(context.Background(), s)
		trace.Log(ctx, s, s)
		trace.WithRegion(ctx, s, func() {})
		task.End()
	}
}

// background uses regions and logs without a task.
func background() {
	ctx := context.Background()
	defer trace.StartRegion(ctx, "no task").End()
	trace.Log(ctx, "", "a log without a category")
	trace.Log(ctx, "category", "a log without a task")
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
