// Stops a trace at once: it lasts for some microseconds.
package main

import (
	"bytes"
	"log"
	"runtime/trace"

	"example.com/leaks/small/write"
)

func main() {
	var out bytes.Buffer
	if err := trace.Start(&out); err != nil {
		log.Fatal(err)
	}
	trace.Stop()
	write.File("trace", &out)
}
