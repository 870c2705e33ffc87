package protocol_test

import (
	"os"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"pgregory.net/rapid"
)

// The model is the protocol without Redis, disks and time: what the library's functions do to a
// job's keys, and what workers and supervisors make of the answers. Anything may happen between any
// two calls: replies are lost, actors sleep and come back, Redis loses what it likes, tasks are
// stolen without a lease, the job is cleaned, its input changes behind equal sizes and times. Files
// of map output vanish, are damaged, swapped, hidden for a while, or all gone at once. A deletion
// comes late. A host has a wrong mount.
//
// Every state that Redis comes back to is one that it was in: a log that was torn in the middle of
// a call is not modelled. What notices one at the seal and before must never speak up here, which
// the invariants and every merge see to. Counters are plain variables, because a call is atomic:
// whether it increments them or writes the new value makes no difference.
//
// The model is a specification, and lua/wordcount.lua is what ships. So schedules also run through
// the library itself, beside the model, on a stand-in for Redis: see shadow. Both must give the
// same answers, and come to the same states.
//
// Each guard of the protocol can be taken out, and each is there because the model fails without
// it. That is itself a test: it shows that the properties look where the mistakes would be.

func full() bool { return os.Getenv("WORDCOUNT_PROPERTIES") == "full" }

// By default 5,000 schedules are tried, with WORDCOUNT_PROPERTIES=full 500,000.
func TestAnyScheduleOfTheModelIsExactOrPublishesNothing(t *testing.T) {
	n := 5_000
	if full() {
		n = 500_000
	}
	check.AnySchedule(t, "./pkg/wordcount/protocol", n, func(t *rapid.T) {
		var s modelSchedule
		copy(s[:], rapid.SliceOfN(rapid.Uint16(), len(s), len(s)).Draw(t, "schedule"))
		if s.play(allGuards, false).bad != nil {
			w := s.play(allGuards, true)
			t.Fatalf("%v\n%s", w.bad, strings.Join(w.trace, "\n"))
		}
	})
}

// By default 200 schedules are tried, with WORDCOUNT_PROPERTIES=full 20,000.
func TestAnyScheduleOfTheModelIsWhatTheLibraryDoes(t *testing.T) {
	n := 200
	if full() {
		n = 20_000
	}
	l, err := loadLibrary(lua.Wordcount)
	check.Must(t, err)
	check.AnySchedule(t, "./pkg/wordcount/protocol", n, func(t *rapid.T) {
		var s modelSchedule
		copy(s[:], rapid.SliceOfN(rapid.Uint16(), len(s), len(s)).Draw(t, "schedule"))
		if s.playBeside(l, allGuards, false).bad != nil {
			w := s.playBeside(l, allGuards, true)
			t.Fatalf("%v\n%s", w.bad, strings.Join(w.trace, "\n"))
		}
	})
}

func TestEachGuardOfTheModelIsMissedWhenItIsTakenOut(t *testing.T) {
	const bound = 10_000 // schedules; the rarest failure takes some thousand
	for _, g := range guards {
		t.Run(string(g), func(t *testing.T) {
			for seed := range uint64(bound) {
				w := scheduleOf(seed).play(g, false)
				if w.bad == nil {
					continue
				}
				t.Logf("after %d schedules: %v", seed+1, w.bad)
				if w := scheduleOf(seed).play(allGuards, true); w.bad != nil {
					t.Fatalf("this fails with all guards in: %v\n%s", w.bad, strings.Join(w.trace, "\n"))
				}
				return
			}
			t.Fatalf("%d schedules pass without it", bound)
		})
	}
}
