// Package write writes the files of the small programs.
package write

import (
	"bytes"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// As in the package capture.
const memProfileRate = 64 << 10

func init() {
	runtime.MemProfileRate = memProfileRate
}

// Heap runs a GC and writes a heap profile, like /debug/pprof/heap?gc=1.
func Heap(file string) {
	runtime.GC()
	var out bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&out, 0); err != nil {
		log.Fatal(err)
	}
	File(file, &out)
}

// File writes a file to the folder named by the first argument.
func File(file string, content *bytes.Buffer) {
	if err := os.WriteFile(filepath.Join(os.Args[1], file), content.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
