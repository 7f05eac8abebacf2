// Caches what three hundred products look like; the first requests for each fill
// the cache, and there are no more than three hundred.
//
//	class: cache that warms to a plateau
//	sign: it grows ever more slowly, and then not at all
package main

import (
	"math/rand"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

const products = 300

var pages = map[int][]byte{}

func main() {
	chance := rand.New(rand.NewSource(7))
	life := capture.Begin()
	for n := 0; life.Next(10 * time.Millisecond); n++ {
		r := traffic.Receive(n)
		r.Parse()
		for i := 0; i < 3; i++ {
			productPage(r, chance.Intn(products))
		}
	}
}

func productPage(r *traffic.Request, product int) []byte {
	page := pages[product]
	if page == nil {
		page = make([]byte, 40<<10)
		copy(page, r.Body)
		pages[product] = page
	}
	return page
}
