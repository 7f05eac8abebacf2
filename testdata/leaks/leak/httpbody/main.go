// Calls another service and reads only the status: the body stays open, so the
// connection is neither reused nor closed, and its two goroutines wait.
//
//	class: HTTP response body not closed
//	shows: heap goroutine trace gctrace
//	witnesses: net/http.(*Transport).dialConn net/http.(*persistConn).readLoop
//	cure: read the body to its end and close it
package main

import (
	"log"
	"net"
	"net/http"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

func main() {
	upstream := startUpstream()
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		if n%4 == 0 {
			fetchRate(upstream, r)
		}
	}
}

// rates is a client whose connections have a large read buffer, as for large responses.
var rates = &http.Client{Transport: &http.Transport{ReadBufferSize: 64 << 10}}

func fetchRate(upstream string, r *traffic.Request) bool {
	response, err := rates.Get(upstream + "/rate?for=" + r.Key) // culprit: creates
	if err != nil {
		log.Print(err)
		return false
	}
	return response.StatusCode == http.StatusOK
}

func startUpstream() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		log.Fatal(http.Serve(listener, http.HandlerFunc(sendRate)))
	}()
	return "http://" + listener.Addr().String()
}

func sendRate(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write(make([]byte, 16<<10))
}
