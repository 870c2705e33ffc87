package result

import (
	"context"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/recount"
)

// Verdict is what a recount says about a result.
type Verdict struct {
	Distinct                    int // different words by the recount
	Missing, Surplus, Different int
	First                       []Difference // the first of them, in the order of the words
}

// Difference is a word whose two counts differ.
type Difference struct {
	Word      string
	Want, Got uint64 // by the recount; in the result
}

// Exact reports whether the result equals the recount.
func (v Verdict) Exact() bool { return v.Missing+v.Surplus+v.Different == 0 }

// differencesShown is how many differences a verdict names.
const differencesShown = 10

// Compare compares the result with a recount, in both directions, and ignores words outside of the
// share. It consumes the recount; clone it to compare again.
func (r Result) Compare(ctx context.Context, want recount.Counts, share recount.Share) (Verdict, error) {
	v := Verdict{Distinct: len(want)}
	note := func(word string, want, got uint64) {
		v.First = append(v.First, Difference{Word: word, Want: want, Got: got})
	}
	for e, err := range r.entries(ctx) {
		if err != nil {
			return Verdict{}, err
		}
		if !share.Has([]byte(e.Word)) {
			continue
		}
		n, ok := want[e.Word]
		switch {
		case !ok:
			v.Surplus++
			note(e.Word, 0, e.N)
		case n != e.N:
			v.Different++
			note(e.Word, n, e.N)
		}
		delete(want, e.Word)
	}
	v.Missing = len(want)
	for word, n := range want {
		note(word, n, 0)
	}
	slices.SortFunc(v.First, func(a, b Difference) int { return strings.Compare(a.Word, b.Word) })
	v.First = v.First[:min(len(v.First), differencesShown)]
	return v, nil
}
