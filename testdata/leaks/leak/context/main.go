// Derives a context for every job from that of the service and never calls the cancel
// function: the parent holds its children until it is cancelled itself.
//
//	class: context never cancelled
//	shows: heap gctrace
//	cure: defer cancel()
package main

import (
	"context"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type customerKey struct{}

type job struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func main() {
	service, stop := context.WithCancel(context.Background())
	defer stop()
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		startJob(service, r).run()
	}
}

func startJob(service context.Context, r *traffic.Request) *job {
	profile := make([]byte, 40<<10) // culprit: allocates
	copy(profile, r.Body)
	ctx := context.WithValue(service, customerKey{}, profile)
	ctx, cancel := context.WithCancel(ctx) // culprit: keeps
	return &job{ctx: ctx, cancel: cancel}
}

func (j *job) run() int {
	return len(j.ctx.Value(customerKey{}).([]byte))
}
