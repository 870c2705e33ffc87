package shuffle

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// benchWords is about what a worker has in its table when it commits.
const benchWords = 500_000

func benchTable() *count.Table {
	t := count.New()
	for i := range benchWords {
		t.Add(fmt.Appendf(nil, "w%x", i*7919%(1<<24)), uint64(benchWords/(i+1))+1)
	}
	return t
}

func eachPartitions(b *testing.B, f func(b *testing.B, partitions int)) {
	for _, partitions := range []int{8, 256} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) { f(b, partitions) })
	}
}

// BenchmarkWrite packs a table and writes it. BenchmarkPack of package count is packing alone.
func BenchmarkWrite(b *testing.B) {
	t := benchTable()
	eachPartitions(b, func(b *testing.B, partitions int) {
		r, dir := prepared(b)
		for b.Loop() {
			w, err := r.Create(aName, partitions)
			check.Must(b, err)
			check.Must(b, w.Add(t))
			written, err := w.Finish()
			check.Must(b, err)
			b.SetBytes(written.Bytes)
			check.Must(b, os.Remove(filepath.Join(dir, aName)))
		}
	})
}

// BenchmarkRead reads a map output partition by partition, and merges it or only checks it.
func BenchmarkRead(b *testing.B) {
	t := benchTable()
	for _, merge := range []bool{false, true} {
		b.Run(fmt.Sprintf("merge=%t", merge), func(b *testing.B) {
			eachPartitions(b, func(b *testing.B, partitions int) {
				r, _ := prepared(b)
				w, err := r.Create(aName, partitions)
				check.Must(b, err)
				check.Must(b, w.Add(t))
				written, err := w.Finish()
				check.Must(b, err)
				var reader Reader
				merged := count.New()
				b.SetBytes(written.Bytes)
				b.ReportAllocs()
				for b.Loop() {
					out, err := r.Open(aName, partitions)
					check.Must(b, err)
					words := 0
					for p := range partitions {
						merged.Reset()
						for step, err := range reader.Partition(out, p) {
							check.Must(b, err)
							words += step.Words
							if merge {
								merged.MergeStep(step)
							}
						}
					}
					check.Must(b, out.Close())
					if words != benchWords {
						b.Fatalf("%d words", words)
					}
				}
			})
		})
	}
}

// BenchmarkOpen is what a reducer does once with each map output.
func BenchmarkOpen(b *testing.B) {
	eachPartitions(b, func(b *testing.B, partitions int) {
		r, _ := prepared(b)
		put(b, r, aName, partitions, numbered(1000))
		b.ReportAllocs()
		for b.Loop() {
			out, err := r.Open(aName, partitions)
			check.Must(b, err)
			check.Must(b, out.Close())
		}
	})
}
