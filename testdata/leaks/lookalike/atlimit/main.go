// Runs with GOMEMLIMIT=20MiB, and its live heap is almost as large: the GC runs all the
// time, to stay below the limit.
//
//	class: live heap close to GOMEMLIMIT
//	sign: the live heap is constant, but the GC runs all the time, with a goal hardly above the live heap: the limit is too low
//	gc_share: 25
package main

import (
	"runtime/debug"
	"time"

	"example.com/leaks/capture"
	"example.com/leaks/traffic"
)

type article struct {
	title string
	next  *article
}

func main() {
	debug.SetMemoryLimit(20 << 20)
	life := capture.Begin()
	articles := loadArticles(200_000)
	for n := 0; life.Next(5 * time.Millisecond); n++ {
		findArticle(articles, traffic.Receive(n))
	}
}

// loadArticles returns a list of articles, each of which refers to the next.
func loadArticles(count int) *article {
	var first *article
	for i := 0; i < count; i++ {
		first = &article{title: "article", next: first}
	}
	return first
}

func findArticle(articles *article, r *traffic.Request) *article {
	r.Parse()
	for i := 0; i < r.N%1000; i++ {
		articles = articles.next
	}
	return articles
}
