package count

import (
	"container/heap"
	"errors"
	"io"
	"iter"
)

// Sorted gives words with their counts, in the order of Entry.Before. Next returns io.EOF after the
// last one.
type Sorted interface{ Next() (Entry, error) }

// MergeSorted yields the words of all sources, which have none in common, in the order of Entry.Before.
// It holds one word of each. An error is the last thing that it yields.
func MergeSorted[S Sorted](sources []S) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var heads merging
		for _, s := range sources {
			e, err := s.Next()
			if errors.Is(err, io.EOF) {
				continue
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			heads = append(heads, head{e, s})
		}
		heap.Init(&heads)
		for len(heads) > 0 {
			if !yield(heads[0].Entry, nil) {
				return
			}
			next, err := heads[0].from.Next()
			switch {
			case errors.Is(err, io.EOF):
				heap.Pop(&heads)
			case err != nil:
				yield(Entry{}, err)
				return
			default:
				heads[0].Entry = next
				heap.Fix(&heads, 0)
			}
		}
	}
}

// head is the next word of a source.
type head struct {
	Entry
	from Sorted
}

// merging is a heap of the next words. The first one of all is at the top.
type merging []head

func (m merging) Len() int           { return len(m) }
func (m merging) Less(i, j int) bool { return m[i].Before(m[j].Entry) }
func (m merging) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merging) Push(x any)        { *m = append(*m, x.(head)) }

func (m *merging) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}
