package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/merge"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// spillsAll is what a worker is told that spills each split.
var spillsAll = Spec{Consumer: "w", Lease: DefaultLease, Memory: 1}

// files are the paths of all map outputs in the store, whole ones and others.
func (h *hand) files() []string {
	h.TB.Helper()
	paths, err := filepath.Glob(filepath.Join(h.Dir, h.Client.Job.ID, h.Run, "map", "*"))
	check.Must(h.TB, err)
	return paths
}

// named are the names of the map outputs that count.
func (h *hand) named() (names []string) {
	h.TB.Helper()
	outputs, _, err := protocol.OutputsSoFar(h.TB.Context(), h.Client.Redis, h.Client.Job)
	check.Must(h.TB, err)
	for _, o := range outputs {
		names = append(names, o.Name)
	}
	return names
}

func TestSpillsAreSegmentsOfTheOutputThatTheNextCommitNames(t *testing.T) {
	t.Parallel()
	h := newHand(t, 2)
	ctx := t.Context()
	w := h.worker(spillsAll, protocol.Mapping)
	for range h.take(w, wordcounttest.Tasks) {
		check.Must(t, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	check.Must(t, w.commitHeld(ctx))
	names := h.named()
	if len(names) != 1 || len(h.files()) != 1 {
		t.Fatalf("%q are named, and there are %q", names, h.files())
	}
	out, err := h.Outputs.Open(names[0], 2)
	check.Must(t, err)
	if got := out.Written(); got.Spills != wordcounttest.Tasks || got.Tokens != 6 || out.Name() != names[0] {
		t.Errorf("%s has %+v", out.Name(), got)
	}
	check.Must(t, out.Close())
	for _, n := range h.Take("reduce", "w", 2) {
		h.Store(n - 1)
	}
	if got := h.Counts(); got != wordcounttest.Result {
		t.Errorf("counted: %s", got)
	}
}

func TestWhatASplitHasSpiltBeforeItFailedIsWrittenAnewUnderAnotherName(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.worker(spillsAll, protocol.Mapping)
	for range h.take(w, 2) {
		check.Must(t, w.mapSplit(ctx, ctx, w.todo[0]))
	}
	spilt := h.files()
	if len(spilt) != 1 {
		t.Fatalf("there are %q", spilt)
	}
	first, _, _ := strings.Cut(filepath.Base(spilt[0]), ".") // it is not finished
	h.take(w, 1)
	check.Must(t, w.failed(ctx, w.todo[0], errors.New("an error")))
	if files := h.files(); len(files) != 0 {
		t.Errorf("left are %q", files)
	}
	for len(w.todo) > 0 {
		check.Must(t, w.step(ctx, ctx))
	}
	check.Must(t, w.commitHeld(ctx))
	if names := h.named(); len(names) != 2 || slices.Contains(names, first) {
		t.Errorf("named are %q, of which the failed one has its own, and the first was %s", names, first)
	}
	h.Expect("each is counted once", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Tokens == 6 })
}

func TestARefusedOutputIsDeletedUnlessItMayCount(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	w := h.holding(2)
	h.MustCommit(1)
	check.Must(t, w.commitHeld(t.Context()))
	if files := h.files(); len(files) != 2 {
		t.Errorf("a task is settled, perhaps by this very commit, and there are %q", files)
	}

	h = newHand(t, 1)
	w = h.holding(2)
	stream := h.Client.Job.Key("map")
	check.Must(t, h.Client.Redis.XGroupDestroy(t.Context(), stream, "workers").Err())
	check.Must(t, h.Client.Redis.XGroupCreate(t.Context(), stream, "workers", "0").Err())
	check.Must(t, w.commitHeld(t.Context()))
	if files := h.files(); len(files) != 0 {
		t.Errorf("no task is settled, and there are %q", files)
	}
}

func TestACommitWithoutAnAnswerIsSentAgainUnderItsName(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	h.Client.Redis.AddHook(wordcounttest.On(t, "commit", 1, wordcounttest.LoseReply))
	if err := w.commitHeld(ctx); !errors.Is(err, wordcounttest.ErrLost) {
		t.Fatalf("the reply was not lost: %v", err)
	}
	before := h.named()
	check.Must(t, w.commitHeld(ctx))
	if after := h.named(); len(after) != 1 || !slices.Equal(before, after) || len(h.files()) != 1 {
		t.Errorf("named were %q, and are %q; there are %q", before, after, h.files())
	}
	if w.uncommitted() || len(w.todo) > 0 {
		t.Errorf("it keeps %v", w.todo)
	}
}

func TestFault73ALostMapOutputIsRevokedAndItsTasksRunAgain(t *testing.T) {
	t.Parallel()
	flip := func(at func(size int) int) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text[at(len(text))] ^= 4
			return os.WriteFile(path, text, 0o600)
		}
	}
	for what, lose := range map[string]func(path string) error{
		"missing":         os.Remove,
		"empty":           func(path string) error { return os.Truncate(path, 0) },
		"cut":             func(path string) error { return os.Truncate(path, 100) },
		"another header":  flip(func(int) int { return 40 }),
		"another count":   flip(func(int) int { return 90 }),
		"another end":     flip(func(size int) int { return size - 1 }),
		"a folder":        func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"another one":     func(path string) error { return swap(path) },
		"of zeros":        func(path string) error { return os.WriteFile(path, make([]byte, 4096), 0o600) },
		"a link to /dev":  func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)) },
		"an other's file": func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHand(t, 2)
			h.Take("map", "w", wordcounttest.Tasks)
			h.MustCommit(1, 3)
			h.MustCommit(2)
			check.Must(t, lose(h.files()[0]))
			h.start(DefaultLease)
			h.until(func(st protocol.Status) bool { return st.Phase == protocol.Done })
			if got := h.Counts(); got != wordcounttest.Result {
				t.Errorf("counted: %s", got)
			}
			h.Expect("its tasks were revoked, and nobody died", func(st protocol.Status) bool {
				return st.Revoked > 0 && st.Buried == 0 && st.Troubles == 0
			})
		})
	}
}

// swap puts another whole map output of the same run in the place of one.
func swap(path string) error {
	all, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		return err
	}
	other := all[slices.IndexFunc(all, func(p string) bool { return p != path })]
	text, err := os.ReadFile(other)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func TestFault73AHostWithoutTheStoreHarmsNobody(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		whole bool // the store is mounted again, and not only a folder in it
		late  bool // it goes away when the worker has opened the store
	}{
		"a folder in the store": {false, false},
		"the store":             {true, false},
		"the open store":        {true, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHand(t, 2)
			h.Take("map", "w", wordcounttest.Tasks)
			h.MustCommit(1, 2, 3)
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			here, there := filepath.Join(h.Dir, h.Client.Job.ID), filepath.Join(elsewhere, h.Client.Job.ID)
			// What is left has neither the mark nor the map outputs.
			unmount := func() error { return errors.Join(os.Mkdir(elsewhere, 0o700), os.Rename(here, there)) }
			var gone atomic.Bool
			if c.late {
				h.Client.Redis.AddHook(wordcounttest.On(t, "outputs", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					defer gone.Store(true)
					return errors.Join(unmount(), next(ctx, cmd))
				}))
			} else {
				check.Must(t, unmount())
				gone.Store(true)
			}
			var renewed atomic.Int32
			h.Client.Redis.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				if wordcounttest.Called(cmd) == "renew" && gone.Load() && slices.Contains(cmd.Args(), any(string(protocol.Reduces))) {
					renewed.Add(1)
				}
				return next(ctx, cmd)
			}))
			h.start(300 * time.Millisecond)
			check.Await(t, "the worker has held a partition for a while without the store", func() bool { return renewed.Load() > 3 })
			h.Expect("nothing was taken back", func(st protocol.Status) bool {
				return st.Phase == protocol.Reducing && st.Mapped == wordcounttest.Tasks && st.Revoked == 0 && st.Buried == 0
			})
			if c.whole {
				check.Must(t, errors.Join(os.Remove(h.Dir), os.Rename(elsewhere, h.Dir)))
			} else {
				check.Must(t, os.Rename(there, here))
			}
			h.until(func(st protocol.Status) bool { return st.Phase == protocol.Done })
			if got := h.Counts(); got != wordcounttest.Result {
				t.Errorf("counted: %s", got)
			}
			h.Expect("nothing was done again", func(st protocol.Status) bool { return st.Revoked == 0 && st.Troubles == 0 })
		})
	}
}

func TestFault73AStoreThatGoesAwayHasLostNothing(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	w := h.doing("w", protocol.Reducing) // it has opened the store
	check.Must(t, w.fetch(t.Context()))
	job, elsewhere := filepath.Join(h.Dir, h.Client.Job.ID), filepath.Join(h.Dir, "elsewhere")
	check.Must(t, os.Rename(job, elsewhere))
	check.IsError(t, w.reduce(t.Context()), shuffle.ErrHost, "mark")
	h.Expect("nothing was taken back", func(st protocol.Status) bool { return st.Mapped == wordcounttest.Tasks && st.Revoked == 0 })
	check.Must(t, os.Rename(elsewhere, job))
	check.Must(t, w.reduce(t.Context()))
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done && st.Revoked == 0 })
}

func TestFault73AMapOutputThatComesBackIsNotRevoked(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	path := h.files()[0]
	hidden := filepath.Join(h.Dir, "hidden")
	check.Must(t, os.Rename(path, hidden))
	h.Client.Redis.AddHook(wordcounttest.On(t, "outputs", merge.ReadTries, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		return errors.Join(os.Rename(hidden, path), next(ctx, cmd))
	}))
	w := h.doing("w", protocol.Reducing)
	check.Must(t, w.fetch(t.Context()))
	check.Must(t, w.reduce(t.Context()))
	h.Expect("nothing was taken back", func(st protocol.Status) bool { return st.Phase == protocol.Done && st.Revoked == 0 })
}

func TestFault74AMapThatCannotBeWrittenIsCountedLater(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	ctx := t.Context()
	w := h.holding(2)
	mark := filepath.Join(h.Dir, h.Client.Job.ID, h.Run, "mark")
	check.Must(t, os.Remove(mark))
	check.IsError(t, w.commitHeld(ctx), shuffle.ErrHost, "mark")
	if len(w.todo) != 2 || len(w.combiner.Held()) != 0 {
		t.Errorf("it keeps %v, and has %v to do", w.combiner.Held(), w.todo)
	}
	check.Must(t, h.Outputs.Prepare())
	for len(w.todo) > 0 {
		check.Must(t, w.step(ctx, ctx))
	}
	check.Must(t, w.commitHeld(ctx))
	h.Expect("each is counted once", func(st protocol.Status) bool { return st.Mapped == 2 && st.Tokens == 3 && st.Buried == 0 })
}

func TestFault73AWorkerLeavesAStoreThatItCannotUse(t *testing.T) {
	t.Parallel()
	for what, without := range map[string]string{"there is no mark": "mark", "nothing can be written": "map"} {
		t.Run(what, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{}) // outside, for it looks names up
			defer rdb.Close()
			rdb.AddHook(wordcounttest.Hook(func(context.Context, redis.Cmder, redis.ProcessHook) error { return wordcounttest.ErrLost }))
			m, err := plan.Scan(t.Context(), []string{check.Folder(t, wordcounttest.Files())}, "", plan.Options{})
			check.Must(t, err)
			p := plan.New(m, plan.Options{WholeFiles: true, Reducers: 1})
			h := &hand{Job: wordcounttest.Of(t, protocol.Client{Redis: rdb, Job: p.Job}, p, wordcounttest.ARun)}
			check.Must(t, os.RemoveAll(filepath.Join(h.Dir, p.Job.ID, h.Run, without)))
			synctest.Test(t, func(t *testing.T) {
				w := newWorker(t, rdb, Spec{Job: p.Job, Store: h.Dir, Lease: DefaultLease})
				w.run = h.Run
				w.todo = []claim.Task{
					{TaskID: protocol.TaskID{Stream: protocol.Maps, Number: 1}, Split: h.Splits[0]},
					{TaskID: protocol.TaskID{Stream: protocol.Maps, Number: 2}, Split: h.Splits[1], Alone: true},
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*retry.Patience)
				defer cancel()
				check.IsError(t, w.Run(ctx), shuffle.ErrHost, h.Dir)
			})
		})
	}
}

func TestFault73AWorkerLooksForTheMarkFirst(t *testing.T) {
	t.Parallel()
	h := newHand(t, 1)
	check.Must(t, os.Remove(filepath.Join(h.Dir, h.Client.Job.ID, h.Run, "mark")))
	w := newWorker(t, h.Client.Redis, Spec{Job: h.Client.Job, Store: h.Dir})
	defer w.close()
	w.run = h.Run
	check.IsError(t, w.openStore(), shuffle.ErrHost, "mark")
}

func TestAWorkerDoesMapsBeforeItsReducesWhenAnOutputWasLost(t *testing.T) {
	t.Parallel()
	h := newHand(t, 2)
	h.Take("map", "other", wordcounttest.Tasks)
	h.MustCommit(1, 2)
	c := h.Counted(3)
	_, err := h.Send(c)
	check.Must(t, err)
	h.Take("reduce", "w", 2)
	check.Must(t, h.Client.Revoke(t.Context(), h.Run, c.Output, "host", errors.New("it is not there")))
	w := h.mapping("w") // it doesn't know of its reduces, because the reply was lost
	tasks, err := w.claims.Next(t.Context(), 2)
	if err != nil || len(tasks) != 1 || tasks[0].Stream != protocol.Maps || tasks[0].Number != 3 {
		t.Errorf("it takes %v, %v", tasks, err)
	}
}
