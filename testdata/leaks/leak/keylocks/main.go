// Creates a lock for every key that is written and keeps it after it is unlocked.
//
//	class: locks by key, never removed
//	shows: heap gctrace
//	cure: remove locks that nobody holds, or use a fixed number of locks chosen by hash
package main

import (
	"fmt"
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type keyLock struct {
	sync.Mutex
	holder string
	since  time.Time
}

type keyLocks struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

func main() {
	written := keyLocks{locks: map[string]*keyLock{}}
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		for row := 0; row < 160; row++ {
			writeRow(&written, r, row)
		}
	}
}

func writeRow(written *keyLocks, r *traffic.Request, row int) {
	lock := written.acquire(fmt.Sprintf("%s/row-%d", r.Key, row))
	defer lock.Unlock()
	r.Body[row] = byte(row)
}

func (k *keyLocks) acquire(key string) *keyLock {
	k.mu.Lock()
	lock := k.locks[key]
	if lock == nil {
		lock = &keyLock{}   // culprit: allocates
		k.locks[key] = lock // culprit: keeps
	}
	k.mu.Unlock()
	lock.Lock()
	lock.holder, lock.since = key, time.Now()
	return lock
}
