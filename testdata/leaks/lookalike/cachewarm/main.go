// Caches the pages of 300 products. The first request for each product adds to the
// cache, and there are no other products.
//
//	class: cache that fills up to a plateau
//	sign: it grows more and more slowly, and then stops
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
