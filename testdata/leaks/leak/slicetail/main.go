// Keeps the last sixteen bytes of every packet as a slice of the packet, which keeps the
// whole packet alive.
//
//	class: slice tail that holds its array
//	shows: heap gctrace
//	cure: bytes.Clone
package main

import (
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const checksumSize = 16

var checksums [][]byte

func main() {
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		noteChecksum(readPacket(r))
	}
}

func readPacket(r *traffic.Request) []byte {
	packet := make([]byte, len(r.Body)+8<<10) // culprit: allocates
	copy(packet, r.Body)
	return packet
}

func noteChecksum(packet []byte) {
	checksums = append(checksums, packet[len(packet)-checksumSize:]) // culprit: keeps
}
