// Package traffic is the ordinary work that every service does besides the part
// that leaks or seems to: it receives and parses requests, which creates garbage.
package traffic

import (
	"fmt"
	"hash/crc32"
)

// The memory that a service always holds: 6 MB, in pieces.
var catalogue = loadCatalogue(96, 64<<10)

func loadCatalogue(pages, size int) [][]byte {
	loaded := make([][]byte, pages)
	for i := range loaded {
		loaded[i] = make([]byte, size)
	}
	return loaded
}

// A Request is received by the service. Each has a different N.
type Request struct {
	N    int
	Key  string
	Body []byte
}

const bodySize = 32 << 10

// Receive returns the n-th request.
func Receive(n int) *Request {
	body := make([]byte, bodySize)
	copy(body, catalogue[n%len(catalogue)])
	return &Request{N: n, Key: fmt.Sprintf("customer-%08d", n), Body: body}
}

// Parse parses the request: it allocates a megabyte of garbage and returns a number.
func (r *Request) Parse() uint32 {
	return r.ParseIn(4, 256<<10)
}

// ParseIn is Parse with another number and size of allocations.
func (r *Request) ParseIn(pieces, size int) uint32 {
	sum := uint32(0)
	for i := 0; i < pieces; i++ {
		decoded := decode(r.Body, size)
		sum ^= crc32.ChecksumIEEE(decoded[:1024])
	}
	return sum
}

func decode(body []byte, size int) []byte {
	decoded := make([]byte, size)
	copy(decoded, body)
	return decoded
}
