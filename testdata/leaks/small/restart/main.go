// Captures a heap profile, restarts, and captures another one after less work: the later
// profile has smaller totals of allocations.
package main

import (
	"log"
	"os"
	"syscall"

	"example.com/leaks/small/write"
	"example.com/leaks/traffic"
)

var sessions = map[string][]byte{}

func main() {
	if len(os.Args) == 2 {
		serve(80)
		write.Heap("heap.1.pb.gz")
		restart()
	}
	serve(20)
	write.Heap("heap.2.pb.gz")
}

func serve(requests int) {
	for n := 0; n < requests; n++ {
		r := traffic.Receive(n)
		r.Parse()
		sessions[r.Key] = make([]byte, 64<<10)
	}
}

// restart replaces the process by a new run of the program, with one more argument.
func restart() {
	log.Fatal(syscall.Exec(os.Args[0], append(os.Args, "again"), os.Environ()))
}
