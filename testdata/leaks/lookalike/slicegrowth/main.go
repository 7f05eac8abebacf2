// Appends the measurements of a day to a slice, which append copies to a larger array from
// time to time. At the end of the day they are evaluated, and the next day uses the same
// array.
//
//	class: slice that grows to a bounded length
//	sign: the heap grows in steps, each of which replaces an array by a larger one, and stops at the length of a day
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const (
	perRequest = 1000
	perDay     = 150 * perRequest
)

type measurement struct {
	at     int64
	sensor int32
	values [13]float32
}

type day struct {
	measurements []measurement
	days, sum    int
}

func main() {
	var today day
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		today.add(r)
		if len(today.measurements) >= perDay {
			today.finish()
		}
	}
}

func (d *day) add(r *traffic.Request) {
	for i := 0; i < perRequest; i++ {
		d.measurements = append(d.measurements, measurement{at: int64(r.N), sensor: int32(i)})
	}
}

func (d *day) finish() {
	for _, m := range d.measurements {
		d.sum += int(m.sensor)
	}
	d.days++
	d.measurements = d.measurements[:0]
}
