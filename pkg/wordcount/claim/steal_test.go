package claim

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
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

// counting counts the calls of a command that a client sends from now on.
func counting(client redis.UniversalClient, command string) *atomic.Int32 {
	var calls atomic.Int32
	client.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if wordcounttest.Called(cmd) == command {
			calls.Add(1)
		}
		return next(ctx, cmd)
	}))
	return &calls
}

func TestALookAtWhatOthersHoldHasABound(t *testing.T) {
	t.Parallel()
	const tasks = 50 * stealMax * stealPages
	h := wordcounttest.NewOn(t, redistest.Start(t), map[string]string{"a": check.Words(tasks)}, plan.Options{Split: 4, Reducers: 1})
	ctx := t.Context()
	h.Take("map", "other", tasks)
	thief := claimer(h, "thief", lease)
	thief.Maps = len(h.Splits)
	calls := counting(h.Client.Redis, "xautoclaim")
	if tasks, err := thief.expired(ctx, stealMax); err != nil || len(tasks) > 0 || calls.Load() > stealPages {
		t.Errorf("%d calls, and %v, %v", calls.Load(), tasks, err)
	}
	// Whatever is there is found in the end, because each look begins elsewhere.
	for _, n := range []int{tasks / 2, tasks, 1} {
		check.Must(t, h.Client.Redis.XClaim(ctx, &redis.XClaimArgs{
			Stream: h.Client.Job.StreamKey("map"), Group: protocol.Group, Consumer: "dead", Messages: []string{fmt.Sprintf("%d-0", n)},
		}).Err())
		_, err := h.Client.Release(ctx, h.Run, "dead", false)
		check.Must(t, err)
		check.Await(t, "the task of the dead is found", func() bool {
			found, err := thief.expired(ctx, stealMax)
			check.Must(t, err)
			return len(found) == 1 && found[0].Number == n
		})
	}
}

func TestALookGoesRoundASmallJob(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "dead", 1)
	thief := claimer(h, "thief", 0)
	thief.Maps = 1 << 20 // so a look begins behind the only task
	if tasks, err := thief.expired(t.Context(), stealMax); err != nil || len(tasks) != 1 {
		t.Errorf("it finds %v, %v", tasks, err)
	}
}

func TestAnIdleWorkerLooksAtWhatOthersHoldLessAndLessOften(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 0) // so that no straggler's task is done a second time
	ctx := t.Context()
	h.Take("map", "other", wordcounttest.Tasks)
	idle := claimer(h, "idle", lease)
	calls := counting(h.Client.Redis, "xautoclaim")
	looks := func() bool {
		t.Helper()
		before := calls.Load()
		_, err := idle.Wait(ctx, 1)
		check.Must(t, err)
		return calls.Load() > before
	}
	if !looks() {
		t.Error("it doesn't look at once")
	}
	for rest := time.Duration(0); rest < stealEvery; rest = idle.rest {
		if idle.looked = time.Now().Add(-stealEvery); !looks() || idle.rest <= rest {
			t.Errorf("after %v it rests for %v", rest, idle.rest)
		}
	}
	if idle.looked, idle.rest = time.Now(), time.Hour; looks() {
		t.Error("it doesn't rest")
	}
	idle.hold([]Task{{TaskID: protocol.TaskID{Stream: protocol.Maps, Number: 1}}}, false)
	if !looks() {
		t.Error("it rests though it has had a task since")
	}
}
