package wordcount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// keeping is a job that keeps five words of those of check.Texts, some of which have equal counts.
var keeping = plan.Options{Split: 100, Reducers: 3, Keep: 5}

// manyWords are texts with 4,000 distinct words. Most of them have one of three counts.
func manyWords() map[string]string {
	texts := map[string]string{}
	for i := range 8 {
		var b strings.Builder
		for w := range 4000 {
			b.WriteString(strings.Repeat(fmt.Sprintf("word%d ", w), 1+w%3))
		}
		texts[fmt.Sprint(i)] = b.String()
	}
	return texts
}

func TestAJobThatKeepsAThousandWordsIsExactThoughRedisIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := redistest.StartIn(t, filepath.Join(dir, "state"))
	check.Must(t, os.Mkdir(filepath.Join(dir, "texts"), 0o755))
	for name, text := range manyWords() {
		check.Must(t, os.WriteFile(filepath.Join(dir, "texts", name), []byte(text), 0o600))
	}
	var killed atomic.Int32
	job, err := Open(t.Context(), Config{
		Dir: filepath.Join(dir, "state"), Inputs: []string{filepath.Join(dir, "texts")}, InProcess: true, Workers: 2,
		Options: plan.Options{Split: 50_000, Reducers: 5, Keep: 1000}, Checkpoint: 20 * time.Millisecond,
		Server: redisd.Config{Kind: server.Kind},
		Seen: func(st Status) {
			if st.Mapped > 0 && killed.CompareAndSwap(0, 1) || st.Phase == protocol.Done && killed.CompareAndSwap(1, 2) {
				server.Kill(t)
			}
		},
	})
	check.Must(t, err)
	defer func() { check.Must(t, job.Close()) }()
	r, err := job.Run(t.Context())
	check.Must(t, err)
	if killed.Load() != 2 || r.Distinct != 4000 {
		t.Errorf("redis was killed %d times; %+v", killed.Load(), r.Sealed)
	}
	truth, err := r.Recount(t.Context(), Share{}, func(int64) {})
	check.Must(t, err)
	verdict, err := r.Compare(t.Context(), truth, Share{})
	check.Must(t, err)
	if !verdict.Exact() || verdict.Distinct != 4000 {
		t.Errorf("%+v", verdict)
	}
	var top []Entry
	for e, err := range r.Top(t.Context(), 1001) {
		check.Must(t, err)
		top = append(top, e)
	}
	if len(top) != 1001 || top[0] != (Entry{Word: "word1001", N: 24}) || !slices.IsSortedFunc(top, byRank) {
		t.Errorf("the top is %v", top)
	}
	rdb, _, err := job.Redis(t.Context())
	check.Must(t, err)
	inSet, err := rdb.ZRangeWithScores(t.Context(), job.Planned().Job.Key("counts"), 0, -1).Result()
	check.Must(t, err)
	var set []Entry
	for _, z := range inSet {
		set = append(set, Entry{Word: z.Member.(string), N: uint64(z.Score)})
	}
	if slices.SortFunc(set, byRank); !slices.Equal(set, top[:1000]) {
		t.Errorf("the sorted set has %d words", len(set))
	}
	var lines strings.Builder
	check.Must(t, r.Export(t.Context(), &lines))
	if n := strings.Count(lines.String(), "\n"); n != 4000 {
		t.Errorf("%d lines were exported", n)
	}
	again, err := job.Run(t.Context())
	if err != nil || again.Fence != r.Fence {
		t.Errorf("a second run gives %+v, %v, and not the published result", again, err)
	}
	check.Must(t, job.Clean(t.Context(), func(string, int) {}))
	if left, err := os.ReadDir(job.Folder().Shuffle()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("clean has left %v, %v", left, err)
	}
}

func byRank(a, b Entry) int {
	if a.Before(b) {
		return -1
	}
	return 1
}

func TestToKeepWordsNeedsReducers(t *testing.T) {
	t.Parallel()
	for _, o := range []plan.Options{{Keep: 1000, Direct: true}, {Keep: -1}} {
		_, err := Open(t.Context(), Config{Dir: t.TempDir(), InProcess: true, Options: o})
		check.IsError(t, err, ErrInput, fmt.Sprint(o.Keep), "reducers")
	}
}

func TestWorkersThatAreKilledWhileTheyPublishLeaveAnExactResult(t *testing.T) {
	t.Parallel()
	for _, when := range []bool{false, true} {
		r := newRig(t, check.Texts(10, 30))
		kill := sabotage{Command: "put_files", After: when, Signal: 9}
		r.harm = []sabotage{kill, kill}
		r.exact(keeping)
		if r.team.Restarts() < 1 {
			t.Error("no worker died")
		}
	}
}

func TestAJobThatKeepsMoreWordsThanThereAreKeepsAll(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	o := keeping
	o.Keep = 1 << 20
	if sealed := r.exact(o); r.probe.ZCard(t.Context(), r.plan.Job.Key("counts")).Val() != int64(sealed.Distinct) {
		t.Error("the sorted set lacks words")
	}
	empty := newRig(t, map[string]string{"a": " "})
	empty.exact(o)
}

// A set that is full in a state that Redis has lost must be filled again, before it is fenced.
func TestARollbackWhileTheTopIsFilledInIsMadeGood(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"results", "fill"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(10, 30))
			r.every = often
			r.prepare(keeping)
			r.rdb.AddHook(wordcounttest.Answered(t, command, 1, func() error {
				r.kill()
				return nil
			}))
			r.finishExactly()
			if r.sup.Restarts() == 0 {
				t.Error("redis was not killed")
			}
		})
	}
}

func TestTwoSupervisorsFillOneSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, manyWords())
	o := plan.Options{Split: 50_000, Reducers: 3, Keep: 3000}
	r.prepare(o)
	s := r.second(state.Folder{Dir: t.TempDir()})
	s.size = 0
	s.prepare(o)
	// The second seals the job while the first knows how far the set is, and fills nothing in.
	var second state.Sealed
	r.rdb.AddHook(wordcounttest.Answered(t, "results", 1, func() (err error) {
		if err = s.sup.Seed(t.Context()); err == nil {
			second, err = s.sup.Seal(t.Context())
		}
		return err
	}))
	first := r.finishExactly()
	s.check(second)
	if first.Fence != second.Fence {
		t.Error("the two published different results")
	}
}

// resultFiles are the paths of the job's result files, in the store.
func (r *rig) resultFiles() []string {
	r.tb.Helper()
	paths, err := filepath.Glob(filepath.Join(cmp.Or(r.objects, r.store), r.plan.Job.ID, "*", "result", "*"))
	if err != nil || len(paths) == 0 {
		r.tb.Fatalf("there are no result files: %v", err)
	}
	return paths
}

// ruins are what can happen to a result file.
var ruins = map[string]func(path string) error{
	"gone":      os.Remove,
	"truncated": func(path string) error { return os.Truncate(path, 100) },
	"bit-flipped": func(path string) error {
		text, err := os.ReadFile(path)
		if err == nil {
			text[len(text)/2] ^= 4
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	},
	"another's": func(path string) error {
		others, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		if err != nil {
			return err
		}
		other := slices.DeleteFunc(others, func(other string) bool { return other == path })[0]
		text, err := os.ReadFile(other)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	},
}

func TestFault73AResultFileThatIsLostBeforeTheSealIsCountedAnew(t *testing.T) {
	t.Parallel()
	for what, ruin := range ruins {
		for _, command := range []string{"fill", "final"} {
			t.Run(what+" before "+command, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, check.Texts(10, 30))
				r.prepare(keeping)
				r.rdb.AddHook(wordcounttest.On(t, command, 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					check.Must(t, ruin(r.resultFiles()[0]))
					return next(ctx, cmd)
				}))
				r.finishExactly()
				if r.said("begins anew") != 1 || r.said("redis has lost") > 0 {
					t.Error("nobody was told, or something else")
				}
			})
		}
	}
}

func TestFault73AResultFileThatIsDamagedFarBelowTheTopIsCountedAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, manyWords())
	r.prepare(plan.Options{Split: 50_000, Reducers: 1, Keep: 5})
	r.rdb.AddHook(wordcounttest.On(t, "final", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		path := r.resultFiles()[0]
		text, err := os.ReadFile(path)
		check.Must(t, err)
		text[len(text)-1000] ^= 1 // of the last block
		check.Must(t, os.WriteFile(path, text, 0o600))
		return next(ctx, cmd)
	}))
	r.finishExactly()
	if r.said("begins anew") != 1 {
		t.Error("nobody was told")
	}
}

func TestASortedSetThatIsNotTheTopIsNeverPublished(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(counts string, r *rig) error{
		"another sum":    func(counts string, r *rig) error { return r.probe.ZIncrBy(t.Context(), counts, 1, "common1").Err() },
		"a word too few": func(counts string, r *rig) error { return r.probe.ZPopMin(t.Context(), counts).Err() },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(3, 10))
			r.prepare(keeping)
			r.rdb.AddHook(wordcounttest.On(t, "sum", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				check.Must(t, change(r.plan.Job.Key("counts"), r))
				return next(ctx, cmd)
			}))
			r.finishFailing(protocol.ErrState, "the sorted set has")
		})
	}
}

func TestFault73ADiskThatRuinsEveryResultFileEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(keeping)
	r.rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if wordcounttest.Called(cmd) == "final" {
			for _, path := range r.resultFiles() {
				os.Truncate(path, 50)
			}
		}
		return next(ctx, cmd)
	}))
	r.finishFailing(protocol.ErrIncomplete, "result file is lost", "begun anew", "mend")
}

// Without the mark nobody knows whether the files are lost, or only this host doesn't see them.
func TestFault73WithoutTheMarkNoResultFileIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(keeping)
	r.rdb.AddHook(wordcounttest.On(t, "final", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		path := r.resultFiles()[0]
		check.Must(t, os.Remove(path))
		check.Must(t, os.Remove(filepath.Join(filepath.Dir(filepath.Dir(path)), "mark")))
		return next(ctx, cmd)
	}))
	r.finishFailing(protocol.ErrIncomplete, "no mark")
	if st := r.status(); st.Phase != protocol.Done || r.said("begins anew") > 0 {
		t.Errorf("the job is %+v", st)
	}
	r.prepare(keeping)
	r.finishExactly() // this folder's own run gets its mark again
}

func TestFault73AResultFileThatIsLostAfterTheSealIsNoResult(t *testing.T) {
	t.Parallel()
	ruins := maps.Clone(ruins)
	ruins["the folder is gone"] = func(path string) error { return os.RemoveAll(filepath.Dir(path)) }
	for what, ruin := range ruins {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(10, 30))
			sealed := r.exact(keeping)
			var before, after strings.Builder
			check.Must(t, result.Export(&before, r.result(sealed).Entries(t.Context()), result.TSV))
			check.Must(t, ruin(r.resultFiles()[0]))
			err := result.Export(&after, r.result(sealed).Entries(t.Context()), result.TSV)
			check.IsError(t, err, protocol.ErrNoResult)
			if !strings.HasPrefix(before.String(), after.String()) {
				t.Errorf("lines that are not of the result were shown: %s", after.String())
			}
			_, err = r.verify(sealed)
			check.IsError(t, err, protocol.ErrNoResult)
			r.prepare(keeping)
			if _, fresh, err := r.sup.UpToDate(t.Context()); fresh || err != nil {
				t.Errorf("it is up to date: %v, %v", fresh, err)
			}
			again := r.finishExactly()
			if again.Fence == sealed.Fence {
				t.Error("the result that was lost was published again")
			}
			if _, fresh, err := r.sup.UpToDate(t.Context()); !fresh || err != nil {
				t.Errorf("it is not up to date: %v, %v", fresh, err)
			}
		})
	}
}

func TestResultFilesStayAndMapOutputsGoOnceAJobIsSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	sealed := r.exact(keeping)
	if n := len(r.resultFiles()); n != keeping.Reducers {
		t.Errorf("there are %d result files", n)
	}
	left, err := os.ReadDir(filepath.Join(r.store, r.plan.Job.ID, sealed.Run))
	if err != nil || len(left) != 1 || left[0].Name() != "result" {
		t.Errorf("in the folder of the run there is %v, %v", left, err)
	}
	for range 2 {
		if again, fresh, err := r.sup.UpToDate(t.Context()); !fresh || err != nil || again.Fence != sealed.Fence {
			t.Errorf("it is not up to date: %v", err)
		}
	}
	// A new run of the job takes their place.
	check.Must(t, r.folder.Forget(r.plan.Job.ID))
	r.prepare(keeping)
	r.finishExactly()
	if _, err := os.Stat(filepath.Join(r.store, r.plan.Job.ID, sealed.Run)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the files of the earlier run are left: %v", err)
	}
}

func TestAFolderFindsTheResultFilesOfAJobThatAnotherOneHasSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	first := r.exact(keeping)
	s := r.second(state.Folder{Dir: t.TempDir()})
	s.size, s.store = 0, filepath.Join(t.TempDir(), "none") // it knows only what the job says
	s.prepare(keeping)
	second := s.finishExactly()
	if first.Fence != second.Fence {
		t.Error("the two published different results")
	}
	check.Must(t, os.RemoveAll(filepath.Dir(r.resultFiles()[0])))
	third := r.second(state.Folder{Dir: t.TempDir()})
	third.size = 0
	third.prepare(keeping)
	third.finishFailing(protocol.ErrInput, third.plan.Job.ID)
}

func TestWhatIsCountedSoFarIsReadFromResultFilesOnceTheJobIsDone(t *testing.T) {
	t.Parallel()
	h := newByHandWith(t, redistest.Start(t), plan.Options{WholeFiles: true, Reducers: 2, Keep: 1})
	open := func(ctx context.Context, _ string) (*shuffle.Store, error) { return shuffle.Open(ctx, h.Dir) }
	so := func(want string) {
		t.Helper()
		words, missing, err := result.Unsealed(t.Context(), h.rdb, h.plan.Job, open)
		if got := fmt.Sprint(words, missing); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	h.Take("map", "w", wordcounttest.Tasks)
	h.MustCommit(1, 3)
	so("[{three 3} {one 1}] 1")
	h.MustCommit(2)
	h.Take("reduce", "w", 2)
	h.Store(0)
	so("[{three 3} {two 2} {one 1}] 0")
	h.Store(1)
	so("[{three 3} {two 2} {one 1}] 0")
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	sealed := r.exact(keeping)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range r.result(sealed).Entries(ctx) {
		n, last = n+1, err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) || errors.Is(last, protocol.ErrNoResult) {
		t.Errorf("%d words, then %v", n-1, last)
	}
	if err := result.Export(io.Discard, r.result(sealed).Entries(ctx), result.TSV); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
