// Runs with GOGC=off and GOMEMLIMIT=20MiB, and its live heap is almost as large: only the
// limit starts the GC, which runs all the time.
//
//	class: live heap close to GOMEMLIMIT, with GOGC=off
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
	debug.SetGCPercent(-1)
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
