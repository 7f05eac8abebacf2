// A flight recorder runs next to a normal trace. Of its two snapshots the second is written.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"runtime/trace"
	"time"
)

func main() {
	out := output()
	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{
		MinAge:   50 * time.Millisecond,
		MaxBytes: 1 << 20,
	})
	if err := recorder.Start(); err != nil {
		log.Fatal(err)
	}
	// The trace and the flight recorder share the generations.
	if err := trace.Start(io.Discard); err != nil {
		log.Fatal(err)
	}
	ctx, task := trace.NewTask(context.Background(), "in flight")
	for i := 0; i < 40; i++ {
		trace.WithRegion(ctx, "leg", func() { handOff(ctx) })
		if i == 20 {
			// Ends the generation early, as the second snapshot will.
			if _, err := recorder.WriteTo(io.Discard); err != nil {
				log.Fatal(err)
			}
		}
	}
	task.End()
	trace.Stop()
	if _, err := recorder.WriteTo(out); err != nil {
		log.Fatal(err)
	}
	recorder.Stop()
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}

func handOff(ctx context.Context) {
	c := make(chan int)
	go func() {
		time.Sleep(time.Millisecond)
		c <- 1
	}()
	trace.Log(ctx, "received", "")
	<-c
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
