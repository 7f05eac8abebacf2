// Leaks fast: in six seconds with five heap profiles, the live heap grows from 3 to more
// than 100 MiB. There are few GC cycles: the goal grows with the heap, and each profile
// starts one. Half of the memory is allocated by keepOrder and half by indexOrder.
package main

import (
	"fmt"
	"time"

	"example.com/leaks/small/write"
)

const (
	period    = 10 * time.Millisecond
	orderSize = 88 << 10
)

// The age of the service at each profile.
var profilesAt = [...]time.Duration{
	1600 * time.Millisecond, 2700 * time.Millisecond, 3800 * time.Millisecond, 4900 * time.Millisecond, 6000 * time.Millisecond,
}

var (
	orders [][]byte
	index  = map[int][]byte{}
)

func main() {
	begun := time.Now()
	profiles := 0
	for n := 0; profiles < len(profilesAt); n++ {
		// Orders arrive at a constant rate, even if the machine is busy.
		time.Sleep(time.Until(begun.Add(time.Duration(n) * period)))
		keepOrder()
		indexOrder(n)
		if time.Since(begun) >= profilesAt[profiles] {
			profiles++
			write.Heap(fmt.Sprintf("heap.%d.pb.gz", profiles))
		}
	}
}

func keepOrder() {
	orders = append(orders, make([]byte, orderSize))
}

func indexOrder(n int) {
	index[n] = make([]byte, orderSize)
}
