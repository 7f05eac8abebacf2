// Serves forty clients that connect one after the other while the files are captured. Each
// asks once and keeps its connection. Some ask for news, which the server answers late.
//
//	class: idle connections that were opened during the capture
//	sign: the new goroutines wait in net/http for the next request, and the server closes connections that are idle too long
package main

import (
	"io"
	"log"
	"net"
	"net/http"
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
	http.HandleFunc("/news", serveNews)
	server := &http.Server{IdleTimeout: 2 * time.Minute}
	go func() {
		log.Fatal(server.Serve(listener))
	}()
	go connectClients("http://" + listener.Addr().String())
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
	}
}

// connectClients connects the first client after the first profile, and the last one
// before the last profile.
func connectClients(server string) {
	time.Sleep(1300 * time.Millisecond)
	for i := 0; i < clients; i++ {
		caller := &http.Client{Transport: &http.Transport{}}
		path := "/status"
		if i%8 == 0 {
			path = "/news"
		}
		go ask(caller, server+path)
		time.Sleep(55 * time.Millisecond)
	}
}

func ask(caller *http.Client, url string) {
	response, err := caller.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		log.Fatal(err)
	}
}

func serveStatus(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "ready\n")
}

func serveNews(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(400 * time.Millisecond)
	_, _ = io.WriteString(w, "no news\n")
}
