// Renders every answer in a buffer from a pool: much is allocated in total, since the GC
// empties the pool, but little is in use.
//
//	class: sync.Pool churn
//	sign: allocated memory grows, memory in use does not
package main

import (
	"bytes"
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var buffers = sync.Pool{New: newBuffer}

func newBuffer() any {
	return bytes.NewBuffer(make([]byte, 0, 256<<10))
}

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.ParseIn(1, 256<<10)
		var clients sync.WaitGroup
		for i := 0; i < 4; i++ {
			clients.Add(1)
			go answer(r, &clients)
		}
		clients.Wait()
	}
}

func answer(r *traffic.Request, clients *sync.WaitGroup) {
	defer clients.Done()
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	for i := 0; i < 4; i++ {
		buffer.Write(r.Body)
	}
	time.Sleep(time.Millisecond)
	buffers.Put(buffer)
}
