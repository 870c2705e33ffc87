package worker

import (
	"errors"
	"fmt"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
)

func TestATableThatWasPackedIsNotFull(t *testing.T) {
	t.Parallel()
	w := newCombiner(1, 1<<20)
	for round := range 3 {
		words := 0
		for ; !w.full(); words++ {
			w.table.Add(fmt.Append(nil, words), 1)
		}
		if held := w.table.Bytes(); held > int(w.memory/2) || words < 1000 {
			t.Errorf("round %d: %d words in %d bytes fill a table that may have %d", round, words, held, w.memory/2)
		}
		w.spill()
	}
}

func TestPartialCountsBearTheNameOfTheirAttempt(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	w := h.counted(1)
	first := w.combiner.output()
	w.combiner.empty()
	w.combiner.table.Add([]byte("one"), 1)
	if second := w.combiner.output(); second.Nonce == first.Nonce {
		t.Errorf("two commits are the attempt %s", first.Nonce)
	}
	for what, e := range map[string]protocol.Output{
		"no attempt":      {Partitions: first.Partitions},
		"another attempt": {Nonce: protocol.NewNonce(), Partitions: first.Partitions},
	} {
		if now, err := h.Client.Commit(t.Context(), h.Run, []int{1}, 1, 1, e, 0, 1); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %+v, %v", what, now, err)
		}
	}
	h.Expect("nothing is acknowledged", func(st protocol.Status) bool { return st.Mapped == 0 })
}
