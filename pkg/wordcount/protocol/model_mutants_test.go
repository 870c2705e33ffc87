package protocol_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/mutant"
)

// unseenMutants are the guards of the library whose lack the model doesn't show, and why.
var unseenMutants = map[string][]string{
	"the model knows no deaths and no errors of tasks": {
		"a death that is told twice is one",
		"a lost output is no death",
		"a task that runs alone is blamed only if it was begun",
		"an error is counted once for each attempt",
		"only a death that was seen is counted",
	},
	"nobody in the model gives wrong values, or has another size of the job": {
		"a job keeps its size",
		"a job keeps the store of its run",
		"a job that keeps few words stores no others",
		"a job without reducers keeps all words",
		"a tally has seven numbers",
		"a tally is made of decimal numbers",
		"counts are decimal numbers",
		"files are named for a job that has them",
		"no more is filled in than is kept",
		"nothing is revoked without reducers",
	},
	"nobody in the model writes to the keys, but for meta, and no log is torn": {
		"a job of another schema is left alone",
		"a job that lost a stream is not seeded anew",
		"a job that lost a task is not seeded anew",
		"a result lacks no buried task",
		"an output that has more than its job is not revoked",
		"an output that is there is not committed once more",
		"counts are whole numbers below 2^53",
		"losses are never incremented",
		"nothing is committed once all is",
		"nothing is filled into a full set",
		"nothing is stored once all is",
		"types are checked before the first write",
		"what a job has come to is never incremented",
	},
	"the stand-in knows no rights": {"a function asks for the rights to all its commands first"},
	"the stand-in knows no time":   {"tasks have explicit IDs"},
}

func TestEachGuardThatTheLibraryLacksMakesItDifferFromTheModel(t *testing.T) {
	unseen := slices.Concat(slices.Collect(maps.Values(unseenMutants))...)
	for _, m := range mutant.All(t, "../mutation/testdata") {
		if m.File != "lua/wordcount.lua" {
			continue
		}
		if i := slices.Index(unseen, m.Guard); i >= 0 {
			unseen = slices.Delete(unseen, i, i+1)
			continue
		}
		t.Run(m.Guard, func(t *testing.T) {
			source, err := m.Apply(lua.Wordcount)
			check.Must(t, err)
			l, err := loadLibrary(source)
			check.Must(t, err)
			n, bad := firstDifference(l)
			if bad == nil {
				t.Fatalf("%d schedules are as the model says", n)
			}
			t.Logf("after %d schedules: %v", n, bad)
			check.Must(t, l.broken)
		})
	}
	if len(unseen) > 0 {
		t.Errorf("no such mutations: %q", unseen)
	}
}

// firstDifference tries schedules until the library does something that the model does not.
func firstDifference(l *shippedLibrary) (n uint64, bad error) {
	const bound = 1_000 // the rarest takes some hundred
	for n < bound && bad == nil {
		bad = scheduleOf(n).playBeside(l, allGuards, false).bad
		n++
	}
	return n, bad
}
