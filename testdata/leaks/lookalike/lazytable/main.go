// Builds a large table on first use, which is late in the run: a single step.
//
//	class: table built on first use
//	sign: one step up, and constant before and after
package main

import (
	"sync"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

var (
	taxes     [][]byte
	taxesOnce sync.Once
)

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if life.Age() > 1800*time.Millisecond {
			lookUpTax(n)
		}
	}
}

func lookUpTax(n int) byte {
	taxesOnce.Do(buildTaxes)
	return taxes[n%len(taxes)][0]
}

func buildTaxes() {
	taxes = make([][]byte, 128)
	for i := range taxes {
		taxes[i] = make([]byte, 64<<10)
	}
}
