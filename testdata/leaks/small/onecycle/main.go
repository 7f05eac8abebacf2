// Runs the GC once: the GC log has one line.
package main

import "runtime"

func main() {
	runtime.GC()
}
