// Serves clients that connect early, send a request now and then, and keep their
// connections open in between.
//
//	class: idle connections kept alive
//	sign: the number of goroutines in IO wait is constant: one for each client
package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const clients = 40

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/status", serveStatus)
	go func() {
		log.Fatal(http.Serve(listener, nil))
	}()
	callers := make([]*http.Client, clients)
	for i := range callers {
		callers[i] = &http.Client{Transport: &http.Transport{}}
	}
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		askStatus(callers[n%clients], "http://"+listener.Addr().String(), n)
	}
}

func serveStatus(w http.ResponseWriter, request *http.Request) {
	n, err := strconv.Atoi(request.URL.Query().Get("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r := traffic.Receive(n)
	r.Parse()
	_, _ = w.Write(r.Body)
}

func askStatus(caller *http.Client, server string, n int) {
	response, err := caller.Get(server + "/status?n=" + strconv.Itoa(n))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		log.Fatal(err)
	}
}
