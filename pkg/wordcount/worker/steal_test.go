package worker

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAWorkerTakesOverWhatOthersLeft(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} { // with reducers, backups of stragglers might do it for maps
		h := newHand(t, reducers)
		h.Take("map", "dead", wordcounttest.Tasks)
		if reducers > 0 {
			h.MustCommit(1, 2, 3)
			h.Take("reduce", "dead", 1)
		}
		h.start(100 * time.Millisecond)
		h.until(func(st protocol.Status) bool { return st.Phase == "done" })
		if got := h.Counts(); got != wordcounttest.Result {
			t.Errorf("counted: %s", got)
		}
	}
}

// The server's clock may stand still, or go back: by it no lease has run out here.
func TestWhoIsSilentByTheThiefsOwnClockIsRobbed(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	h.Take("map", "owner", 2)
	beat := func(n int) {
		check.Must(t, h.Client.Renew(ctx, h.Run, "owner", protocol.WorkerInfo{Beat: n}, "map", []int{1, 2}))
	}
	heard := func() string { return h.Client.Redis.HGet(ctx, h.Client.Job.Key("workers"), "owner").Val() }
	thief := h.mapping("thief")
	for _, c := range []struct {
		what   string
		before func()
		want   int
	}{
		{"an owner that is seen for the first time", func() { beat(1) }, 0},
		{"one that has spoken since, if long ago", func() {
			thief.claims.sightings["owner"] = sighting{beat: heard(), since: time.Now().Add(-2 * thief.claims.lease)}
			beat(2)
		}, 0},
		{"one that has spoken less than a lease ago", func() {}, 0},
		{"one that hasn't spoken for a lease", func() {
			thief.claims.sightings["owner"] = sighting{beat: heard(), since: time.Now().Add(-2 * thief.claims.lease)}
		}, 2},
	} {
		c.before()
		if n, err := thief.claims.steal(ctx, wordcounttest.Tasks); err != nil || n != c.want {
			t.Errorf("%s is robbed of %d tasks, not %d, %v", c.what, n, c.want, err)
		}
	}
}
