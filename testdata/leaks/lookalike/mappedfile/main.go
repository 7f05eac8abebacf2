// Reads its index through a memory mapping: the resident memory of the process grows
// with every page that it touches, but it is not part of the Go heap.
//
//	class: RSS grows while the heap is constant
//	sign: nothing in the profiles or in the GC log grows, and the process grows by pages of a file (RssFile), which the kernel can take back
//	resident_growth: 32
package main

import (
	"log"
	"os"
	"syscall"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const indexSize = 96 << 20

func main() {
	index := mapIndex()
	found := 0
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		found += searchIndex(index, n)
	}
	log.Printf("%d found", found)
}

func mapIndex() []byte {
	file, err := os.CreateTemp("", "index")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		log.Fatal(err)
	}
	if err := file.Truncate(indexSize); err != nil {
		log.Fatal(err)
	}
	index, err := syscall.Mmap(int(file.Fd()), 0, indexSize, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		log.Fatal(err)
	}
	return index
}

func searchIndex(index []byte, n int) int {
	found := 0
	for page := 0; page < 48; page++ {
		found += int(index[(n*48+page)*4096%len(index)])
	}
	return found
}
