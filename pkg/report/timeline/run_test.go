package timeline

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/reporttest"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// told is what a run says of its attempts, and of its marks.
func told(r Run) (attempts, marks []string) {
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			attempts = append(attempts, fmt.Sprintf("%d: %s %s %s", l.Number, a.Stream, a.Tasks, a.Outcome))
		}
	}
	for _, m := range r.Marks {
		lane := 0
		if m.Lane != nil {
			lane = m.Lane.Number
		}
		marks = append(marks, fmt.Sprintf("%d: %s", lane, m.Kind))
	}
	return attempts, marks
}

func TestARunSaysWhatBecameOfEachAttempt(t *testing.T) {
	t.Parallel()
	r := Of(reporttest.Story())
	attempts, marks := told(r)
	want := []string{
		"1: map 1 committed", "1: map 4 lost", "1: map 4 committed", "1: map 5 committed", "1: reduce 1-2 lost", "1: reduce 1-2 committed",
		"2: map 2 committed", "2: map 3 lost", "2: map 3 committed", "2: map 5-6 elsewhere", "2: map 6 revoked", "2: map 6 committed",
	}
	if !reflect.DeepEqual(attempts, want) {
		t.Errorf("%q", attempts)
	}
	if want := []string{"0: checkpoint", "1: death", "1: steal", "0: restart", "0: supervisor", "1: revoke"}; !reflect.DeepEqual(marks, want) {
		t.Errorf("%q", marks)
	}
	if r.State != Sealed || len(r.Lanes) != 2 || len(r.Lanes[0].Lives) != 2 {
		t.Errorf("%s, %d lanes", r.State, len(r.Lanes))
	}
	for _, m := range r.Marks {
		if m.Kind == Theft && m.Text != "worker 1 (process 103) took map task 4 of worker 1 (process 101)" {
			t.Errorf("%q", m.Text)
		}
	}
	lost := 0
	for _, g := range r.InVain() {
		if g.Why == "its map output was lost: it is not there" {
			lost = len(g.Attempts)
		}
		if g.Why != rolledBack {
			continue
		}
		if len(g.Attempts) != 1 {
			t.Fatalf("%d attempts were rolled back", len(g.Attempts))
		}
		if other := r.ForGood(g.Attempts[0]); other == nil || other.Lane != 2 || !other.From.Equal(reporttest.Moment(820)) {
			t.Errorf("%+v was done for good by %+v", g.Attempts[0], other)
		}
	}
	if lost != 1 {
		t.Errorf("%d attempts were revoked", lost)
	}
}

func TestARunThatIsNotOverHasItsWorkInHand(t *testing.T) {
	t.Parallel()
	var some []event.Record
	for _, r := range reporttest.Story() {
		if !r.Time.After(reporttest.Moment(350)) {
			some = append(some, r)
		}
	}
	r := Of(some)
	attempts, _ := told(r)
	if want := []string{"1: map 1 open", "2: map 2 committed", "2: map 3 open"}; r.State != Running || !reflect.DeepEqual(attempts, want) {
		t.Errorf("%s: %q", r.State, attempts)
	}
	if r := Of(nil); !r.From.IsZero() || len(r.Lanes) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestACommitWhoseAnswerIsUnknownCountsIfTheJobHasIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Outcome{"six again": Committed, "another": Lost} {
		all := reporttest.Story()
		for i, r := range all {
			if r.Name == event.Outputs {
				all[i].Names[5] = name
			}
		}
		last := Of(all).Lanes[1].Attempts
		if got := last[len(last)-1].Outcome; got != want {
			t.Errorf("with the output %q the attempt is %s, not %s", name, got, want)
		}
	}
}
