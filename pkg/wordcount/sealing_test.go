package wordcount

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// byHand is a job of three tasks that a supervisor has seeded, and of which the test makes every
// other call itself.
type byHand struct {
	*rig
	*wordcounttest.Job
	change func(*supervisor.Config)
}

func newByHand(t *testing.T, reducers int, change ...func(*supervisor.Config)) *byHand {
	t.Helper()
	return newByHandOn(t, redistest.Start(t), reducers, change...)
}

// newByHandOn is newByHand on a server that others may use too. The supervisor's configuration is
// changed before it seeds.
func newByHandOn(t *testing.T, server *redistest.Server, reducers int, change ...func(*supervisor.Config)) *byHand {
	t.Helper()
	return newByHandWith(t, server, plan.Options{WholeFiles: true, Reducers: reducers, Direct: reducers == 0}, change...)
}

// newByHandWith is newByHandOn with any options.
func newByHandWith(t *testing.T, server *redistest.Server, o plan.Options, change ...func(*supervisor.Config)) *byHand {
	t.Helper()
	h := &byHand{rig: newRigOn(t, server, wordcounttest.Files())}
	h.change = func(c *supervisor.Config) {
		for _, change := range change {
			change(c)
		}
	}
	h.prepare(o)
	h.Job = wordcounttest.Of(t, protocol.Client{Redis: h.rdb, Job: h.plan.Job}, h.plan, wordcounttest.ARun)
	h.store = h.Dir
	h.supervised(h.change)
	h.Client.Redis = h.config.Redis
	check.Must(t, h.folder.SetRun(h.plan.Job.ID, h.Run))
	check.Must(t, h.sup.Seed(t.Context()))
	return h
}

// withoutCheckpoints lets a result be sealed that no checkpoint has.
func withoutCheckpoints(c *supervisor.Config) { c.Durability = checkpoint.None }

// watch waits until the job is as wanted, which it never is if the worker leaves.
func (h *byHand) watch(w *workerInProcess, wanted func(protocol.Status) bool) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeoutCause(h.tb.Context(), 30*time.Second, errors.New("nothing comes of it"))
	defer cancel()
	_, err := h.sup.Watch(ctx, func(st protocol.Status) bool {
		select {
		case err := <-w.done:
			h.tb.Fatalf("the worker left a job in state %+v: %v", st, err)
		default:
		}
		return wanted(st)
	})
	check.Must(h.tb, err)
}

func TestARunThatTheFolderDoesNotKnowIsWiped(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Finish()
	run := protocol.NewNonce()
	check.Must(t, h.folder.SetRun(h.Client.Job.ID, run))
	check.Must(t, h.sup.Seed(t.Context()))
	h.Expect("it is counted anew", func(st protocol.Status) bool {
		return st.Run == run && st.Mapped == 0 && st.Seeded == wordcounttest.Tasks && st.Phase == "map"
	})
}

func TestAFileThatChangedWhileItWasCountedIsNoticedThoughItChangedBack(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	path := filepath.Join(h.input, "2")
	info, err := os.Stat(path)
	check.Must(t, err)
	check.Must(t, os.WriteFile(path, []byte("4ou 4ou"), 0o644))
	h.watch(h.startWorker("worker"), protocol.Status.Over)
	check.Must(t, os.WriteFile(path, []byte("two two"), 0o644))
	check.Must(t, os.Chtimes(path, time.Time{}, info.ModTime()))
	if sealed, err := h.sup.Seal(t.Context()); !errors.Is(err, protocol.ErrIncomplete) {
		t.Errorf("sealed %+v, %v", sealed, err)
	}
}

func TestAFileThatChangedAfterItWasCountedIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Finish()
	check.Must(t, os.WriteFile(filepath.Join(h.input, "2"), []byte("4ou 4ou"), 0o644))
	if sealed, err := h.sup.Seal(t.Context()); !errors.Is(err, protocol.ErrIncomplete) {
		t.Errorf("sealed %+v, %v", sealed, err)
	}
}

func TestACheckpointThatWasUnderWayIsNotEnough(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 0)
	ctx := t.Context()
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.rdb.ConfigSet(ctx, "rdb-key-save-delay", "100000").Err()) // microseconds a key
	check.Must(t, h.rdb.BgSave(ctx).Err())
	check.Must(t, h.rdb.ConfigSet(ctx, "rdb-key-save-delay", "0").Err()) // the child keeps its own
	h.MustCommit(1, 2, 3)
	check.Must(t, h.sup.Checkpoint(ctx))
	h.server.Kill(t)
	h.server.Start(t)
	h.Expect("the commit is not saved", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks })
}

func TestAJobWhoseMetaVanishesIsCountedAnew(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Take("map", "w", 1)
	h.watch(h.startWorker("worker"), func(st protocol.Status) bool { return st.Mapped >= 2 }) // the third, too, if it was taken for late
	check.Must(t, h.rdb.Del(t.Context(), h.Client.Job.Key("meta")).Err())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sealed, err := h.sup.Seal(ctx)
	check.Must(t, err)
	h.check(sealed)
}

// A restart may bring back the checkpoint of an earlier run, which was sealed, and its release with
// it.
func TestWorkersThatAnEarlierRunReleasedComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	o := plan.Options{Reducers: 2}
	r.exact(o)
	check.Must(t, r.folder.Forget(r.plan.Job.ID))
	r.prepare(o)
	ctx, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	r.team.Fail = fail
	var err error
	r.team.Worker.Trust, err = r.folder.Trust(r.plan.Job.ID, r.plan.Splits())
	check.Must(t, err)
	check.Must(t, r.team.Start(ctx))
	defer r.team.Stop()
	first := r.team.PIDs()
	for left := false; !left; {
		now := r.team.PIDs()
		left = !slices.ContainsFunc(first, func(pid int) bool { return slices.Contains(now, pid) })
	}
	check.Must(t, r.sup.Seed(ctx))
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	sealed, err := r.sup.Seal(ctx)
	check.Must(t, err)
	r.check(sealed)
}

func TestASealedResultOutlivesACrashRightAfterTheSeal(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Finish()
	h.rdb.AddHook(wordcounttest.On(t, "dismiss", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		h.server.Kill(t)
		return wordcounttest.ErrLost
	}))
	sealed, err := h.sup.Seal(t.Context())
	check.Must(t, err)
	h.server.Start(t)
	if again, fresh, err := h.sup.UpToDate(t.Context()); !fresh || err != nil || again.Fence != sealed.Fence {
		t.Errorf("the result that was sealed is gone: %+v, %v", again, err)
	}
}

func TestAFenceThatIsLostAfterTheResultWasReadIsNoticed(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1, withoutCheckpoints) // or the checkpoint would notice the restart
	h.Finish()
	before := h.server.Checkpoint(t) // done, and not fenced
	// The second sum says that this was all. What comes then and is durable lacks the fence, and is
	// complete all the same.
	h.rdb.AddHook(wordcounttest.Answered(t, "sum", 2, func() error {
		h.server.Restore(t, before)
		return nil
	}))
	sealed, err := h.sup.Seal(t.Context())
	check.Must(t, err)
	h.check(sealed)
	h.Expect("the fence that stands is the result's", func(st protocol.Status) bool { return st.Final == sealed.Fence && st.Dismissed })
}

func TestCommitsThatDoNotCoverTheJobAreNeverSealed(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := newByHand(t, reducers)
		h.Finish()
		h.Duplicate(2)
		if reducers == 0 { // then there is never a tally of discarded outputs
			check.Must(t, h.rdb.HSet(t.Context(), h.Client.Job.Key("meta"), "tally", "-").Err())
		}
		_, err := h.sup.Seal(t.Context())
		h.refused(err, protocol.ErrState, "task 2 was committed twice", "clean")
	}
}

func TestATallyIsTheSameWhoeverSealsTheJob(t *testing.T) {
	t.Parallel()
	for _, reducers := range []int{0, 1} {
		h := newByHand(t, reducers)
		var want protocol.Tally
		for _, n := range h.Take("map", "w", wordcounttest.Tasks) {
			c := h.Counted(n)
			c.Tally = protocol.Tally{Records: uint64(10 * n), Missing: 1, Compressed: 5, Unpacked: uint64(n)}
			want.Add(c.Tally)
			_, err := h.Send(c)
			check.Must(t, err)
		}
		for _, n := range h.Take("reduce", "w", reducers+1) {
			h.Store(n - 1)
		}
		sealed, err := h.sup.Seal(t.Context())
		if err != nil || sealed.Tally != want {
			t.Errorf("%d reducers: %+v, %v", reducers, sealed.Tally, err)
		}
		check.Must(t, h.folder.Unpublish(h.Client.Job.ID)) // as in another folder
		again, err := h.sup.Seal(t.Context())
		if err != nil || again.Tally != want || again.Fence != sealed.Fence {
			t.Errorf("%d reducers: %+v after %+v, %v", reducers, again, sealed, err)
		}
	}
}

func TestMapOutputsThatDoNotCoverTheJobAreNeverMerged(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 2)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	h.Duplicate(2)
	w := h.startWorker("worker")
	check.IsError(t, <-w.done, protocol.ErrState, "task 2 was committed twice", "clean")
	h.Expect("nothing is stored", func(st protocol.Status) bool { return st.Reduced == 0 && h.Counts() == "" })
}

func TestCountersThatDoNotFitThePlanAreNeverSealed(t *testing.T) {
	t.Parallel()
	for field, says := range map[string]string{
		"mapped": "4 maps are committed and not 3", "reduced": "2 partitions are stored and not 1",
		"bytes": "28 bytes are committed and not 27", "stored": "7 words are in stored partitions and not 6",
	} {
		h := newByHand(t, 1)
		h.Finish()
		check.Must(t, h.rdb.HIncrBy(t.Context(), h.Client.Job.Key("meta"), field, 1).Err())
		_, err := h.sup.Seal(t.Context())
		h.refused(err, protocol.ErrState, says, "clean")
	}
}

func TestAJobThatNobodyCanFinishEndsTheRun(t *testing.T) {
	t.Parallel()
	for stream, h := range map[protocol.Stream]*byHand{"map": newByHand(t, 1), "reduce": newByHand(t, 1)} {
		if stream == "reduce" {
			h.Take("map", "w", wordcounttest.Tasks)
			h.MustCommit(1, 2, 3)
		}
		h.Take(stream, "w", wordcounttest.Tasks)
		check.Must(t, h.rdb.XAck(t.Context(), h.Client.Job.StreamKey(stream), "workers", "1-0").Err())
		if stream == "map" {
			h.MustCommit(2, 3)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("nothing comes of it"))
		defer cancel()
		_, err := h.sup.Watch(ctx, protocol.Status.Over)
		check.IsError(t, err, protocol.ErrState, "no task left", "clean")
	}
}
