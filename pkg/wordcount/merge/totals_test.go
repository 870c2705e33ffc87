package merge

import (
	"fmt"
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
