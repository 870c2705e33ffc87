package timeline

import (
	"slices"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// Outcome is what became of an attempt.
type Outcome string

// The outcomes. All but the first and the last are work that was done in vain.
const (
	Committed Outcome = "committed"
	Elsewhere Outcome = "elsewhere" // another worker had committed the task
	Lost      Outcome = "lost"      // with the worker, or by a rollback
	Revoked   Outcome = "revoked"   // committed, and its map output was lost
	Open      Outcome = "open"      // nothing is known yet
)

// Attempt is one try at some tasks: one map task, or the partitions that are stored together.
type Attempt struct {
	Worker   string
	Lane     int // its number
	Stream   string
	Tasks    string
	Numbers  []int // of the tasks; nil: not known
	How      string
	Output   string
	From, To time.Time // To is zero while the worker is at it
	Outcome  Outcome
	Why      string // it was in vain
	Bytes    int64  // of input, as its share of a commit
}

func (a *Attempt) has(task int) bool { return slices.Contains(a.Numbers, task) }

// vain ends an attempt that was in vain.
func (a *Attempt) vain(outcome Outcome, at time.Time, why string) {
	a.Outcome, a.Why = outcome, why
	a.until(at)
}

func (a *Attempt) until(at time.Time) {
	if a.To.IsZero() {
		a.To = at
	}
}

// numbersMost bounds the memory that a journal which somebody has prepared may take.
const numbersMost = 1 << 23

// attempt begins an attempt of a worker. It ends the one before it.
func (b *builder) attempt(w *worker, r event.Record) {
	a := &Attempt{Worker: w.name, Lane: w.lane.Number, Stream: r.Stream, Tasks: r.Tasks, How: r.How, From: r.Time, Outcome: Open, Numbers: event.ParseRanges(r.Tasks)}
	if b.numbers += len(a.Numbers); b.numbers > numbersMost { // no job has so many
		a.Numbers = nil
	}
	for _, n := range a.Numbers {
		b.latest[id{a.Stream, n}] = a
	}
	if w.current != nil {
		w.current.until(r.Time)
	}
	w.open = slices.DeleteFunc(w.open, func(before *Attempt) bool {
		again := before.Stream == a.Stream && slices.ContainsFunc(a.Numbers, before.has)
		if again {
			before.vain(Lost, r.Time, "the worker had to count it again")
		}
		return again
	})
	w.current = a
	w.open = append(w.open, a)
	w.lane.Attempts = append(w.lane.Attempts, a)
}

// send makes a batch of the attempts that one commit has.
func (b *builder) send(w *worker, r event.Record) {
	var batch []*Attempt
	sent := map[int]bool{}
	for _, n := range event.ParseRanges(r.Tasks) {
		sent[n] = true
	}
	w.open = slices.DeleteFunc(w.open, func(a *Attempt) bool {
		in := a.Stream == "map" && len(a.Numbers) > 0 && sent[a.Numbers[0]]
		if in {
			a.until(r.Time)
			a.Output = r.Output
			batch = append(batch, a)
		}
		return in
	})
	for _, a := range batch {
		a.Bytes = r.Bytes / int64(len(batch))
	}
	w.current = nil
	b.batches[r.Output] = batch
}

// answer adds what Redis has answered.
func (b *builder) answer(w *worker, r event.Record) {
	attempts := w.open
	if r.Stream == "map" {
		attempts = b.batches[r.Output]
	}
	answered, settled := numbersIn(r.Tasks), numbersIn(r.Settled)
	for _, a := range attempts {
		if a.Stream != r.Stream || len(a.Numbers) == 0 || !answered[a.Numbers[0]] {
			continue
		}
		switch n := a.Numbers[0]; {
		case r.Settled == "" && r.Open == "":
			a.Outcome = Committed
			a.until(r.Time)
		case settled[n]:
			a.vain(Elsewhere, r.Time, "another worker had committed it")
		default:
			a.vain(Lost, r.Time, "its commit was refused, because another task in it was settled")
		}
	}
	if r.Stream != "map" {
		w.open = slices.DeleteFunc(w.open, func(a *Attempt) bool { return a.Outcome != Open })
		if w.current != nil && w.current.Outcome != Open {
			w.current = nil
		}
	}
}

func numbersIn(ranges string) map[int]bool {
	all := map[int]bool{}
	for _, n := range event.ParseRanges(ranges) {
		all[n] = true
	}
	return all
}

// fail ends the attempt that met an error.
func (b *builder) fail(w *worker, r event.Record) {
	if w.current != nil && w.current.Tasks == r.Tasks {
		w.current.vain(Lost, r.Time, r.Why)
		w.open = slices.DeleteFunc(w.open, func(a *Attempt) bool { return a == w.current })
		w.current = nil
	}
}

// end ends everything that a worker has in hand. What it has sent without an answer stays open.
func (b *builder) end(w *worker, at time.Time, why string) {
	for _, a := range w.open {
		a.vain(Lost, at, why)
	}
	w.open, w.current = nil, nil
}

// revoke takes a map output back.
func (b *builder) revoke(w *worker, r event.Record) {
	if b.revoked[r.Output] {
		return
	}
	b.revoked[r.Output] = true
	b.mark(Revocation, r, w.lane, "worker %s found a map output lost: %s", w.called(), r.Why)
	why := r.Why
	if _, what, named := strings.Cut(why, r.Output+": "); named { // without the name, several outputs have one reason
		why = "its map output was lost: " + what
	}
	for _, a := range b.batches[r.Output] {
		a.vain(Revoked, r.Time, why)
	}
	b.end(w, r.Time, "a map output was lost, so maps had to be done first")
}

// rolledBack is why a committed attempt doesn't count.
const rolledBack = "a rollback of Redis took its commit back"

// decide decides what the events of the workers alone leave open: commits without an answer, and
// commits that a rollback has undone.
func (b *builder) decide() {
	sealed := b.run.State == Sealed
	final := map[string]bool{}
	for _, name := range b.final {
		final[name] = true
	}
	knows := sealed && b.final != nil
	for output, batch := range b.batches {
		for _, a := range batch {
			switch {
			case a.Outcome == Open && knows && final[output]:
				a.Outcome = Committed
			case a.Outcome == Open && knows:
				a.Outcome, a.Why = Lost, "its commit was never done"
			case a.Outcome == Committed && knows && !final[output]:
				a.Outcome, a.Why = Lost, rolledBack
			}
		}
	}
	// Of several commits of one task, the last one holds.
	holds := map[id]*Attempt{}
	b.run.holds = holds
	var all []*Attempt
	for _, l := range b.run.Lanes {
		all = append(all, l.Attempts...)
	}
	slices.SortStableFunc(all, func(a, b *Attempt) int { return a.To.Compare(b.To) })
	for _, a := range all {
		if a.Outcome != Committed {
			continue
		}
		for _, n := range a.Numbers {
			if before := holds[id{a.Stream, n}]; before != nil && before != a {
				before.Outcome, before.Why = Lost, rolledBack
			}
			holds[id{a.Stream, n}] = a
		}
	}
	for _, a := range all {
		if a.Outcome != Open || !sealed {
			continue
		}
		// The job is whole, so what nobody else has done was done by this attempt.
		a.Outcome, a.Why = Lost, "another worker did it"
		if len(a.Numbers) > 0 && holds[id{a.Stream, a.Numbers[0]}] == nil {
			a.Outcome, a.Why = Committed, ""
			for _, n := range a.Numbers {
				holds[id{a.Stream, n}] = a
			}
		}
		a.until(b.last[a.Worker])
	}
}
