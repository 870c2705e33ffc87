package merge

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// A file may be whole, and bear the name that was committed, and still not be what was committed:
// somebody has put another one of the same job there, with all that belongs to it.
func TestAMapOutputHasAllWordsThatWereCommitted(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2)
	c := h.Counted(3)
	c.Tokens++
	_, err := h.Send(c)
	check.Must(t, err)
	m := New(h.Client, 1<<26, h.Dir)
	defer m.Forget()
	for range 2 { // it isn't taken for a list that is there already
		table := count.New()
		_, err := m.merge(t.Context(), h.Outputs, h.Run, span{0, 1}, h.Outputs.Partitioner(1).Whole(), 1<<20, table)
		check.IsError(t, err, protocol.ErrState, "has 3 words, and 4 were committed", "clean")
	}
	h.Expect("nothing was taken back", func(st protocol.Status) bool { return st.Mapped == 3 && st.Revoked == 0 })
}
