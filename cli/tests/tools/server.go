// Server is a service with the handlers of net/http/pprof, as the guide
// describes. It prints the address that it listens on.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"
)

var kept [][]byte

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	// Exit after two minutes, in case the test cannot stop it.
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		kept = append(kept, make([]byte, 100<<10))
		for i := 0; i < 10; i++ {
			_ = make([]byte, 256<<10)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
