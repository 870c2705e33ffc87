package merge

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault64FewRunsAreReadSideBySide(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	merger := New(h.Client, 1<<26, h.Dir)
	const runs = 3 * runsMax
	totals := &Totals{Outputs: h.Outputs, merger: &merger}
	for i := range runs {
		table := count.New()
		table.Add(fmt.Appendf(nil, "word%d", i), uint64(i+1))
		totals.run.Add(table)
		check.Must(t, totals.spill())
		if len(totals.spilled) > runsMax {
			t.Fatalf("%d runs are left", len(totals.spilled))
		}
	}
	n := uint64(runs)
	for e, err := range totals.Words() {
		check.Must(t, err)
		if e.N != n || e.Word != fmt.Sprintf("word%d", n-1) {
			t.Fatalf("%v comes when %d words are left", e, n)
		}
		n--
	}
	if n != 0 {
		t.Errorf("%d words are missing", n)
	}
}

func TestPartitionsThatAreMergedTogetherHaveTheSameTotals(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 8)
	h.Take("map", "w", wordcounttest.Tasks)
	for n := range wordcounttest.Tasks {
		h.MustCommit(n + 1)
	}
	totals := func(together bool, partitions ...int) (words []count.Entry) {
		m := New(h.Client, 1<<26, h.Dir)
		defer m.Forget()
		m.together = together
		all, err := m.Totals(t.Context(), h.Outputs, h.Run, partitions)
		check.Must(t, err)
		defer all.Discard()
		if len(all.Partitions) != len(partitions) || !slices.IsSorted(all.Partitions) {
			t.Errorf("partitions %v of %v", all.Partitions, partitions)
		}
		sum := uint64(0)
		for e, err := range all.Words() {
			check.Must(t, err)
			words, sum = append(words, e), sum+e.N
		}
		if sum != all.Tokens || sum == 0 {
			t.Errorf("%d words, and it says %d", sum, all.Tokens)
		}
		return words
	}
	for _, some := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 0, 2, 1, 5}} {
		if alone, together := totals(false, some...), totals(true, some...); !slices.Equal(alone, together) {
			t.Errorf("%d words alone, %d together", len(alone), len(together))
		}
	}
}

func TestAsManyPartitionsAreMergedTogetherAsFit(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 8)
	h.Take("map", "w", wordcounttest.Tasks)
	for n := range wordcounttest.Tasks {
		h.MustCommit(n + 1)
	}
	m := New(h.Client, 1<<26, h.Dir)
	defer m.Forget()
	m.together = true
	totals := &Totals{Outputs: h.Outputs, merger: &m, of: h.Run, whole: h.Outputs.Partitioner(8).Whole(), table: count.New(), room: 1 << 20}
	left := []int{1, 2, 3, 4, 7}
	if got := totals.next(left); got != (span{1, 2}) {
		t.Errorf("before anything is known %v are merged", got)
	}
	totals.Partitions = []int{0}
	for each, want := range map[int]span{1000: {1, 5}, 1 << 17: {1, 5}, 1 << 18: {1, 3}, 1 << 30: {1, 2}} {
		totals.each = each
		if got := totals.next(left); got != want {
			t.Errorf("where one takes %d bytes, %v are merged", each, got)
		}
	}
	totals.room = 1
	if _, err := totals.merge(t.Context(), span{1, 3}, totals.whole); !errors.Is(err, errTooMany) {
		t.Errorf("what doesn't fit: %v", err)
	}
	totals.alone, totals.each = true, 1
	if got := totals.next(left); got != (span{1, 2}) {
		t.Errorf("after that %v are merged", got)
	}
}
