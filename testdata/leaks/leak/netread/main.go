// Serves devices that say hello and then send nothing. There is no deadline, so a
// goroutine reads from each connection forever.
//
//	class: network read without a deadline
//	shows: heap goroutine trace gctrace
//	cure: SetReadDeadline before each read
package main

import (
	"log"
	"net"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go acceptDevices(listener)
	life := capture.Begin()
	var devices []net.Conn
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%4 == 0 {
			devices = append(devices, connectDevice(listener.Addr(), r))
		}
	}
	log.Printf("%d devices", len(devices))
}

// A device stays connected, like one that has lost its network.
func connectDevice(server net.Addr, r *traffic.Request) net.Conn {
	device, err := net.Dial(server.Network(), server.String())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := device.Write([]byte(r.Key)); err != nil {
		log.Fatal(err)
	}
	return device
}

func acceptDevices(listener net.Listener) {
	for {
		device, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serveDevice(device) // culprit: creates
	}
}

func serveDevice(device net.Conn) int {
	readings := make([]byte, 128<<10) // culprit: allocates
	total := 0
	for {
		n, err := device.Read(readings) // culprit: blocks
		if err != nil {
			return total
		}
		total += n
	}
}
