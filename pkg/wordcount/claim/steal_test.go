package claim

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// The server's clock may stand still, or go back: by it no lease has run out here.
func TestWhoIsSilentByTheThiefsOwnClockIsRobbed(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	ctx := t.Context()
	h.Take("map", "owner", 2)
	beat := func(n int) {
		check.Must(t, h.Client.Renew(ctx, h.Run, "owner", protocol.WorkerInfo{Beat: n}, "map", []int{1, 2}))
	}
	heard := func() string { return h.Client.Redis.HGet(ctx, h.Client.Job.Key("workers"), "owner").Val() }
	thief := claimer(h, "thief", lease)
	for _, c := range []struct {
		what   string
		before func()
		want   int
	}{
		{"an owner that is seen for the first time", func() { beat(1) }, 0},
		{"one that has spoken since, if long ago", func() {
			thief.sightings["owner"] = sighting{beat: heard(), since: time.Now().Add(-2 * lease)}
			beat(2)
		}, 0},
		{"one that has spoken less than a lease ago", func() {}, 0},
		{"one that hasn't spoken for a lease", func() {
			thief.sightings["owner"] = sighting{beat: heard(), since: time.Now().Add(-2 * lease)}
		}, 2},
	} {
		c.before()
		if tasks, err := thief.steal(ctx, wordcounttest.Tasks); err != nil || len(tasks) != c.want {
			t.Errorf("%s is robbed of %v, not of %d tasks, %v", c.what, tasks, c.want, err)
		}
	}
}
