package check

import (
	"hash/maphash"
	"maps"
	"math"

	"github.com/anishathalye/porcupine"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
)

// rule tells into which states a call may turn an object that is in a state. There is none if the
// call can't have had its answer there.
type rule[S comparable] func(S) []S

// always leads to one state.
func always[S comparable](s S) rule[S] { return func(S) []S { return []S{s} } }

// stay keeps a state in which the call can have had its answer.
func stay[S comparable](in func(S) bool) rule[S] {
	return func(s S) []S {
		if in(s) {
			return []S{s}
		}
		return nil
	}
}

// op is what a call says of one object.
type op[S comparable] struct {
	call *history.Call
	rule rule[S]
	// later says that the call may happen at any time after its beginning, or never.
	later bool
}

// restart is an op without a rule.
func (o op[S]) restart() bool { return o.rule == nil }

// operation is the op as porcupine takes it. One that may happen later becomes known at once.
func (o op[S]) operation() porcupine.Operation {
	p := porcupine.Operation{Input: o, Call: o.call.Start, Return: o.call.End}
	switch {
	case o.later:
		p.Return = p.Call
	case p.Return == 0: // who started the server died meanwhile
		p.Return = math.MaxInt64
	}
	return p
}

// world is what is known of an object. The zero value of S is the state in which nothing is there.
type world[S comparable] struct {
	now   set[S]  // it is in one of these
	past  set[S]  // it may have been in these; all of now are among them
	later []op[S] // calls that may still happen, or happen again
	sum   uint64  // a hash of now and past
}

type set[S comparable] map[S]struct{}

var seed = maphash.MakeSeed()

func newWorld[S comparable]() world[S] {
	var nothing S
	return world[S]{now: set[S]{nothing: {}}, past: set[S]{nothing: {}}}
}

// step is the world after an op; ok is false if the op can't have had its answer.
func (w world[S]) step(o op[S]) (after world[S], ok bool) {
	now, past := w.settled(), w.past
	remember := func(s S) {
		if _, ok := past[s]; !ok {
			if len(past) == len(w.past) {
				past = maps.Clone(past)
			}
			past[s] = struct{}{}
		}
	}
	for s := range now {
		remember(s)
	}
	next, later := set[S]{}, w.later
	switch {
	case o.restart():
		next = past
		later = nil
		for _, l := range w.later {
			if l.call.End == 0 || l.call.Known() || l.call.End >= o.call.Start {
				later = append(later, l)
			}
		}
	case o.later:
		next, later = now, append(w.later[:len(w.later):len(w.later)], o)
	default:
		for s := range now {
			for _, s := range o.rule(s) {
				next[s] = struct{}{}
				remember(s)
			}
		}
	}
	after = world[S]{now: next, past: past, later: later}
	for s := range next {
		after.sum += maphash.Comparable(seed, s)
	}
	for s := range past {
		after.sum += math.MaxUint32 * maphash.Comparable(seed, s)
	}
	return after, len(next) > 0
}

// settled are the states that the object may be in once those calls have happened that may happen.
func (w world[S]) settled() set[S] {
	if len(w.later) == 0 {
		return w.now
	}
	now, fresh := maps.Clone(w.now), make([]S, 0, len(w.now))
	for s := range now {
		fresh = append(fresh, s)
	}
	for len(fresh) > 0 {
		s := fresh[len(fresh)-1]
		fresh = fresh[:len(fresh)-1]
		for _, o := range w.later {
			for _, s := range o.rule(s) {
				if _, ok := now[s]; !ok {
					now[s] = struct{}{}
					fresh = append(fresh, s)
				}
			}
		}
	}
	return now
}

func (w world[S]) equal(o world[S]) bool {
	return w.sum == o.sum && maps.Equal(w.now, o.now) && maps.Equal(w.past, o.past)
}

// model is how porcupine sees an object.
func model[S comparable]() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return newWorld[S]() },
		Step: func(state, input, _ any) (bool, any) {
			after, ok := state.(world[S]).step(input.(op[S]))
			return ok, after
		},
		Equal: func(a, b any) bool { return a.(world[S]).equal(b.(world[S])) },
		Hash:  func(a any) uint64 { return a.(world[S]).sum },
	}
}
