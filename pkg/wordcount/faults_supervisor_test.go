package wordcount

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/pool"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
	"github.com/redis/go-redis/v9"
)

// lifeline is the file descriptor that a supervisor of a test and all its workers hold open: who
// has the other end learns when the last of them is gone.
const lifelineFD = 3

// aloneSpec is what a supervisor in a process of its own is told.
type aloneSpec struct {
	Redis   redisd.Endpoint
	Folder  string
	Store   string
	Job     string
	Workers int
	Faults  string
}

// superviseAlone is the whole life of a supervisor process.
func superviseAlone(text string) error {
	var spec aloneSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	rdb, err := spec.Redis.Client("supervisor")
	if err != nil {
		return err
	}
	folder := state.Folder{Dir: spec.Folder}
	plan, err := folder.Load(spec.Job)
	if err != nil {
		return err
	}
	say := func(e event.Event) { fmt.Fprintln(os.Stderr, e) }
	s := supervisor.New(supervisor.Config{
		Redis: rdb, Plan: plan, Folder: folder, Store: place.Store{Dir: spec.Store}, Durability: checkpoint.BGSave, Every: worker.DefaultLease, Events: say,
		Revive: func(ctx context.Context) error {
			_, err := protocol.Library.Load(ctx, rdb)
			return err
		},
	})
	endpoint, err := json.Marshal(spec.Redis)
	if err != nil {
		return err
	}
	faults, err := worker.ParseFaults(spec.Faults)
	if err != nil {
		return err
	}
	_, err = drive(context.Background(), s, &pool.Pool{
		Size: spec.Workers, Faults: faults, Log: os.Stderr, Events: say,
		Worker:   worker.Spec{Job: plan.Job, Lease: worker.DefaultLease, Server: endpoint},
		Progress: s.Progress, Release: s.Release,
		Command: func() *exec.Cmd {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), workerVariable+"=1")
			cmd.ExtraFiles = []*os.File{os.NewFile(lifelineFD, "lifeline")}
			return cmd
		},
	})
	return err
}

// startAlone starts a supervisor in a process of its own, for a rig's job. The channel is closed
// when it and all its workers are gone.
func (r *rig) startAlone(faults string) (supervisor *os.Process, gone <-chan struct{}) {
	r.tb.Helper()
	spec, err := json.Marshal(aloneSpec{r.endpoint, r.folder.Dir, r.store, r.plan.Job.ID, r.size, faults})
	check.Must(r.tb, err)
	ours, theirs, err := os.Pipe()
	check.Must(r.tb, err)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), supervisorVariable+"="+string(spec))
	cmd.ExtraFiles = []*os.File{theirs}
	var said bytes.Buffer
	cmd.Stderr = &said
	check.Must(r.tb, cmd.Start())
	theirs.Close()
	ended := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(ended)
		io.Copy(io.Discard, ours)
		ours.Close()
		cmd.Wait()
	})
	r.tb.Cleanup(func() {
		cmd.Process.Kill()
		reader.Wait()
		r.tb.Logf("the other supervisor said:\n%s", said.String())
	})
	return cmd.Process, ended
}

// second is another supervisor for the same job, with a folder and a team of its own choice.
func (r *rig) second(folder state.Folder) *rig {
	store := r.store
	if folder != r.folder {
		store = r.tb.TempDir()
	}
	s := &rig{
		tb: r.tb, server: r.server, rdb: r.server.Client(r.tb), probe: r.probe, endpoint: r.endpoint, input: r.input,
		folder: folder, store: store, size: 1, lease: r.lease, release: true, every: r.every,
	}
	return s
}

func TestFault35SecondSupervisorAttachesAndAddsItsWorkers(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.size = 0 // all the work is left to the second
		r.prepare(o)
		s := r.second(r.folder)
		s.prepare(o)
		r.whenSeen(inPhase("done"), func(protocol.Status) {
			check.Await(t, "the second has attached", func() bool { return s.said("another supervisor is at work") == 1 })
		})
		first := r.start()
		first.until("the first supervisor leads", func() bool { return r.folder.Supervised(r.plan.Job.ID) })
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := s.runPrepared(ctx)
		check.Must(t, err)
		<-first.ended
		check.Must(t, first.err)
		sealed, ok, err := r.folder.Sealed(r.plan.Job.ID)
		if !ok || err != nil {
			t.Fatalf("nothing is published: %v", err)
		}
		r.check(sealed)
		if s.said("another supervisor is at work") != 1 || r.said("another supervisor") != 0 {
			t.Error("the second did not attach to the first")
		}
	})
}

func TestFault35SecondSupervisorKeepsTheResultOfAFirstThatJustLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.prepare(bothModes[0])
	first := r.start()
	first.until("the first supervisor leads", func() bool { return r.folder.Supervised(r.plan.Job.ID) })
	s := r.second(r.folder)
	s.size = 0
	s.prepare(bothModes[0])
	// It looks at the job just before the first seals it, and again when that is gone; or it comes
	// too late to look at all.
	s.seen = func(st protocol.Status) {
		if st.Phase == "done" && !st.Dismissed {
			<-first.ended
		}
	}
	second := s.finishExactly()
	if first.exactly().Fence != second.Fence {
		t.Error("the two published different results")
	}
}

func TestFault35SecondSupervisorTakesThePlaceOfAFirstThatDies(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.prepare(bothModes[0])
	first, gone := r.startAlone("slow=1m:2")
	check.Await(t, "the first supervisor's workers hold tasks", func() bool { return len(r.status().PendingMaps) == 2 })
	s := r.second(r.folder)
	s.prepare(bothModes[0])
	second := s.start()
	second.until("it attaches", func() bool { return s.said("another supervisor is at work") == 1 })
	check.Must(t, first.Kill())
	second.exactly()
	<-gone
}

func TestFault35SecondSupervisorThatCannotTakeALockHasNoResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.size = 0
	r.prepare(bothModes[0])
	unlock, ok, err := r.folder.Lock(r.plan.Job.ID)
	if check.Must(t, err); !ok {
		t.Fatal("the lock is taken")
	}
	defer unlock()
	s := r.second(r.folder)
	s.size = 0
	s.prepare(bothModes[0])
	second := s.start()
	second.until("it attaches", func() bool { return s.said("another supervisor is at work") == 1 })
	lock := filepath.Join(r.folder.Dir, "jobs", r.plan.Job.ID, "lock")
	check.Must(t, os.Rename(lock, lock+".old"))
	check.Must(t, os.Mkdir(lock, 0o700))
	<-second.ended
	check.IsError(t, second.err, syscall.EISDIR, "lock")
}

func TestFault35SupervisorsOfTwoFoldersCountOneJob(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.faults = "slow=20ms:2"
		r.prepare(o)
		first := r.start()
		first.until("the job is there", func() bool { return r.status().Run != "" })
		s := r.second(state.Folder{Dir: t.TempDir()})
		s.prepare(o)
		second := s.start()
		<-second.ended
		<-first.ended
		check.Must(t, first.err)
		check.Must(t, second.err)
		if first.sealed.Run != second.sealed.Run {
			t.Errorf("the runs are %s and %s", first.sealed.Run, second.sealed.Run)
		}
		r.check(first.sealed)
		s.check(second.sealed)
		for _, rig := range []*rig{r, s} {
			if _, fresh, err := rig.sup.UpToDate(t.Context()); !fresh || err != nil {
				t.Errorf("a result is not up to date: %v", err)
			}
		}
	})
}

func TestFault35SupervisorOfAnotherFolderSealsWhatIsSealedAndTakesNothingAway(t *testing.T) {
	t.Parallel()
	moments := map[string]string{
		"while the first adds up":                     "sum",
		"when the first has published":                "dismiss",
		"when the first has let the workers go":       "discard",
		"when the first has dropped what is not used": "",
	}
	for when, command := range moments {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(10, 30))
			r.prepare(bothModes[0])
			s := r.second(state.Folder{Dir: t.TempDir()})
			s.size = 0
			s.prepare(bothModes[0])
			var second state.Sealed
			seal := func() (err error) {
				if err = s.sup.Seed(t.Context()); err == nil {
					second, err = s.sup.Seal(t.Context())
				}
				return err
			}
			if command != "" {
				r.rdb.AddHook(wordcounttest.On(t, command, 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					check.Must(t, seal())
					return next(ctx, cmd)
				}))
			}
			first := r.finishExactly()
			if command == "" {
				check.Must(t, seal())
			}
			s.check(second)
			r.check(first)
			if s.sup.Saves() == 0 {
				t.Error("the second took the checkpoint of the first for its own")
			}
		})
	}
}

func TestFault36SupervisorKilledThenRunAgainResumes(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(40, 10))
	o := plan.Options{Direct: true}
	r.prepare(o)
	first, gone := r.startAlone("slow=50ms:2")
	check.Await(t, "some tasks are done", func() bool { return r.status().Mapped > 2 })
	check.Must(t, first.Kill())
	<-gone // the workers end by themselves
	left := r.status()
	if left.Mapped == left.Maps {
		t.Fatal("the job was done before the supervisor died")
	}
	if sealed, ok, _ := r.folder.Sealed(r.plan.Job.ID); ok {
		t.Fatalf("published already: %+v", sealed)
	}
	sealed := r.exact(o)
	if sealed.Run != left.Run {
		t.Errorf("run %s did not go on, %s was begun", left.Run, sealed.Run)
	}
	if sealed.Redone != 0 {
		t.Errorf("%d tasks were done again", sealed.Redone)
	}
}

func TestFault36SupervisorKilledWhileSeedingThenRunAgainResumes(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"many splits": check.Words(4000)})
	o := plan.Options{Split: 4, Reducers: 3}
	r.prepare(o)
	// What a supervisor has done that was killed between two chunks.
	ctx, kill := context.WithCancel(t.Context())
	r.rdb.AddHook(wordcounttest.On(t, "seed", 4, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		kill()
		return context.Canceled
	}))
	if err := r.sup.Seed(ctx); err == nil {
		t.Fatal("seeding was not cut short")
	}
	if st := r.status(); st.Seeded == 0 || st.Seeded >= r.sup.Maps() {
		t.Fatalf("%d of %d tasks were seeded", st.Seeded, r.sup.Maps())
	}
	run := r.status().Run
	if sealed := r.exact(o); sealed.Run != run {
		// The nonce is recorded at the end of the seeding, and found in Redis until then.
		t.Errorf("run %s did not go on, %s was begun", run, sealed.Run)
	}
}

func TestFinishedJobIsUpToDateUntilItsResultIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(5, 10))
	o := bothModes[0]
	sealed := r.exact(o)
	r.prepare(o)
	again, fresh, err := r.sup.UpToDate(t.Context())
	check.Must(t, err)
	if !fresh || !reflect.DeepEqual(again, sealed) {
		t.Errorf("up to date: %v, with %+v; sealed was %+v", fresh, again, sealed)
	}
	check.Must(t, os.WriteFile(filepath.Join(r.input, "another file"), []byte("more"), 0o644))
	r.prepare(o)
	if _, fresh, err = r.sup.UpToDate(t.Context()); fresh || err != nil {
		t.Errorf("up to date with a new file: %v, %v", fresh, err)
	}
	check.Must(t, os.Remove(filepath.Join(r.input, "another file")))
	r.prepare(o)
	_, err = protocol.Clean(t.Context(), r.rdb, r.plan.Job)
	check.Must(t, err)
	if _, fresh, err = r.sup.UpToDate(t.Context()); fresh || err != nil {
		t.Errorf("up to date with no result: %v, %v", fresh, err)
	}
}
