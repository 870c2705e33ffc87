package combine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestATableThatWasPackedIsNotFull(t *testing.T) {
	t.Parallel()
	c := spilling(t)
	c.memory = 1 << 20
	for round := range 3 {
		words := 0
		for ; !c.full(); words++ {
			c.table.Add(fmt.Append(nil, words), 1)
		}
		if held := c.table.Bytes(); held > int(c.memory/2) || words < 1000 {
			t.Errorf("round %d: %d words in %d bytes fill a table that may have %d", round, words, held, c.memory/2)
		}
		check.Must(t, c.spill())
	}
}

func TestACommitIsDueAsOftenAsAJobCanBear(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		held, maps, spills int
		since              time.Duration
		due                bool
	}{
		"nothing is held":           {0, 1, shuffle.MaxSpills, time.Hour, false},
		"its time has come":         {1, 1, 0, time.Hour, true},
		"its time has not come":     {1, 1, 0, 0, false},
		"it is too small a part":    {9, 10 * OutputsMax, 0, time.Hour, false},
		"it is a part":              {10, 10 * OutputsMax, 0, time.Hour, true},
		"as many tasks as can be":   {protocol.CommitMax, 1e6 * OutputsMax, 0, 0, true},
		"half of the spills":        {1, 10 * OutputsMax, shuffle.MaxSpills / 2, 0, true},
		"less than half the spills": {1, 10 * OutputsMax, shuffle.MaxSpills/2 - 1, 0, false},
	} {
		combiner := spilling(t)
		for range c.spills {
			combiner.table.Add([]byte("word"), 1)
			check.Must(t, combiner.spill())
		}
		combiner.held, combiner.since = make([]claim.Task, c.held), time.Now().Add(-c.since)
		if due := combiner.Due(0, c.maps); due != c.due {
			t.Errorf("%s: due is %v", what, due)
		}
	}
}

func TestATaskHasNoMoreSpillsThanAMapOutputMayHave(t *testing.T) {
	t.Parallel()
	c, split := spilling(t), splitOf(t, "one")
	c.memory = 1 // everything that is added spills
	add := func() error {
		_, err := countSplit(t.Context(), c, split)
		return err
	}
	for range shuffle.MaxSpills - 1 {
		check.Must(t, add())
	}
	if err := add(); err == nil || !strings.Contains(err.Error(), "use a split size") {
		t.Error(err)
	}
}

func TestTheRestOfATaskWithAllSpillsIsWritten(t *testing.T) {
	t.Parallel()
	c := spilling(t)
	for range shuffle.MaxSpills - 1 {
		c.table.Add([]byte("word"), 1)
		check.Must(t, c.spill())
	}
	c.memory = 1
	if _, err := countSplit(t.Context(), c, splitOf(t, "one")); err == nil { // then it must be possible to commit it
		_, err := c.Output()
		check.Must(t, err)
	}
}
