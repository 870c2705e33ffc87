package wordcount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
	"github.com/redis/go-redis/v9"
)

// bothModes are a job with a reduce phase and one without.
var bothModes = []plan.Options{{Split: 100, Reducers: 3}, {Direct: true}}

// inBothModes runs a test for each.
func inBothModes(t *testing.T, test func(t *testing.T, o plan.Options)) {
	for _, o := range bothModes {
		name := "map and reduce"
		if o.Direct {
			name = "map only"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, o)
		})
	}
}

// crashing runs a job whose first workers kill themselves at a point, and returns it.
func crashing(t *testing.T, point worker.CrashPoint, o plan.Options) *rig {
	t.Helper()
	r := newRig(t, check.Texts(10, 30))
	r.faults = fmt.Sprintf("crash@%s:2", point)
	r.exact(o)
	// The second may not have come to the point when the first one's successor has finished.
	if r.team.Restarts() < 1 {
		t.Error("no worker died")
	}
	return r
}

func TestADeathIsToldOnce(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := crashing(t, worker.AfterRead, o)
		if n := r.said("taken over from a worker that died"); n != 0 || r.said(" died: killed; ") == 0 {
			t.Errorf("told %d times more", n)
		}
	})
}

func TestFault01WorkerKilledBeforeItReadsATask(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		if r := crashing(t, worker.BeforeRead, o); r.stolen() > 0 {
			t.Errorf("%d tasks were taken from workers that had none", r.stolen())
		}
	})
}

func TestFault02WorkerKilledAfterTheReadBeforeItsReply(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		kill := sabotage{Command: "xreadgroup", New: true, After: true, Signal: syscall.SIGKILL}
		r.harm = []sabotage{kill, kill}
		r.exact(o)
		if r.team.Restarts() < 1 {
			t.Error("no worker died")
		}
		if r.stolen() == 0 {
			t.Error("no task was taken from the dead: none had been delivered to them")
		}
	})
}

func TestFault02WorkerKilledWithATaskItHasDoneNothingFor(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		if r := crashing(t, worker.AfterRead, o); r.stolen() == 0 {
			t.Error("no task was taken from the dead")
		}
	})
}

func TestFault02LostReplyToAReadIsReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.size = 0
	r.prepare(bothModes[0])
	lost := false // the reply to the first read that brought a task
	w := r.startWorker("alone", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if !lost && wordcounttest.Called(cmd) == "xreadgroup" && err == nil && r.status().Pending() > 0 {
			lost, err = true, wordcounttest.ErrLost
		}
		return err
	})
	r.finishExactly()
	w.left(nil)
	if !lost {
		t.Error("no read brought a task")
	}
	if r.stolen() > 0 {
		t.Errorf("%d tasks were stolen; the worker was to find its own again", r.stolen())
	}
}

func TestFault03WorkerKilledInMidCount(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		if r := crashing(t, worker.MidCount, o); r.stolen() == 0 {
			t.Error("no task was taken from the dead")
		}
	})
}

func TestFault04WorkerKilledJustBeforeItsCommit(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		if r := crashing(t, worker.BeforeCommit, o); r.stolen() == 0 {
			t.Error("no task was taken from the dead")
		}
	})
}

func TestFault05WorkerKilledAfterItsCommitBeforeTheReply(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		kill := sabotage{Command: "commit", After: true, Signal: syscall.SIGKILL}
		r.harm = []sabotage{kill, kill}
		r.exact(o)
		if r.team.Restarts() < 1 {
			t.Error("no worker died")
		}
	})
}

func TestFault05RetryOfACommitWhoseReplyWasLostIsToldSettled(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.size = 0
		r.prepare(o)
		var replies []string
		lose := wordcounttest.On(t, "commit", 1, wordcounttest.LoseReply)
		w := r.startWorker("alone", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := lose(ctx, cmd, next)
			if wordcounttest.Called(cmd) == "commit" {
				words, _ := cmd.(*redis.Cmd).StringSlice()
				replies = append(replies, strings.Join(slices.Compact(words), " "))
			}
			return err
		})
		r.finishExactly()
		w.left(nil)
		if len(replies) < 2 || replies[0] != "committed" || replies[1] != "refused settled" {
			t.Errorf("the commits were answered %q", replies)
		}
	})
}

func TestFault05LostReplyToAStoredPartitionChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.size = 0
	r.prepare(bothModes[0])
	lost := 0
	w := r.startWorker("alone", wordcounttest.On(t, "put", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		lost++
		return wordcounttest.LoseReply(ctx, cmd, next)
	}))
	r.finishExactly()
	w.left(nil)
	if lost != 1 {
		t.Error("no reply was lost")
	}
}

func TestFault06StoppedWorkerWakesUpAfterItsTaskWasStolen(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 30))
		r.lease = 150 * time.Millisecond // less than it takes until the other one does the task as a backup
		answers := filepath.Join(t.TempDir(), "answers")
		r.size, r.harm = 1, []sabotage{{Command: "commit", Signal: syscall.SIGSTOP, Trace: answers}}
		r.prepare(o)
		// The supervisor waits, so that the job isn't sealed when the zombie commits.
		r.whenSeen(func(st protocol.Status) bool { return r.stolen() > 0 && st.Pending() == 0 }, func(protocol.Status) {
			for _, pid := range r.team.PIDs() {
				check.Must(t, syscall.Kill(pid, syscall.SIGCONT))
			}
			check.Await(t, "the zombie's commit", func() bool {
				_, err := os.Stat(answers)
				return err == nil
			})
		})
		run := r.start()
		run.until("a worker holds a task that it will not commit", func() bool { return r.status().Pending() > 0 })
		thief := r.startWorker("thief")
		sealed := run.exactly()
		thief.left(nil)
		if n := r.stolen(); sealed.Redone != n {
			t.Errorf("%d tasks were redone, %d were stolen", sealed.Redone, n)
		}
		text, err := os.ReadFile(answers)
		check.Must(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		if !strings.Contains(first, "refused settled") || strings.Contains(first, protocol.Pending) {
			t.Errorf("the zombie's commit was answered %q", first)
		}
		if n := r.team.Restarts(); n != 0 {
			t.Errorf("%d workers were replaced; none was to die", n)
		}
	})
}

// deathsInARow are as many as a pool bears of each of its workers, with no task done in between.
const deathsInARow = 10

func TestFault07WorkersThatDieAgainAndAgainEndTheRunResumably(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(5, 30))
		r.cursed = &sabotage{Command: "hmget", Signal: syscall.SIGKILL} // the first look at the job
		r.prepare(o)
		r.finishFailing(protocol.ErrIncomplete, "workers keep dying", "20 in a row", "killed")
		if n := r.team.Restarts(); n < deathsInARow*r.size {
			t.Errorf("given up after %d deaths", n)
		}
		if n := len(r.team.PIDs()); n != 0 {
			t.Errorf("%d workers are left", n)
		}
		r.cursed = nil
		r.exact(o)
	})
}

func TestFault07WorkersThatDieNowAndThenAreReplacedForEver(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(40, 3))
	r.size = 1
	// Each life commits one file and dies of the next.
	r.cursed = &sabotage{Command: "commit", After: true, Signal: syscall.SIGKILL}
	r.prepare(plan.Options{Direct: true})
	r.finishExactly()
	if n := r.team.Restarts(); n <= deathsInARow {
		t.Errorf("%d workers were replaced, more than %d were to be", n, deathsInARow)
	}
}

func TestTasksOfTheDeadAreRedoneOnceWhetherReleasedOrNot(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		for _, release := range []bool{true, false} {
			r := newRig(t, check.Texts(10, 30))
			r.release = release
			r.lease = 200 * time.Millisecond
			r.faults = "crash@" + string(worker.BeforeCommit) + ":2"
			sealed := r.exact(o)
			if n := r.stolen(); sealed.Redone != n || n == 0 {
				t.Errorf("released %v: %d tasks were redone, %d were taken over", release, sealed.Redone, n)
			}
		}
	})
}

func TestStealingAloneBringsEveryTaskHome(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		for _, point := range worker.CrashPoints[1:] {
			t.Run(string(point), func(t *testing.T) {
				r := newRig(t, check.Texts(10, 30))
				r.release = false
				r.lease = 200 * time.Millisecond
				r.faults = fmt.Sprintf("crash@%s:2", point)
				r.exact(o)
				if r.team.Restarts() < 1 {
					t.Error("no worker died")
				}
				if point != worker.AfterCommit && r.stolen() == 0 {
					t.Error("no task was stolen")
				}
			})
		}
	})
}

func TestFault27WorkerOfAnOlderRunCannotReachTheNewerOne(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(3, 10))
		r.size = 0
		r.prepare(o)
		check.Must(t, r.sup.Seed(t.Context()))
		asleep, wake := make(chan struct{}), make(chan struct{})
		zombie := r.startWorker("zombie", wordcounttest.On(t, "commit", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			close(asleep)
			<-wake
			return next(ctx, cmd)
		}))
		<-asleep
		older := r.status().Run

		// The job is cleaned, its content changes behind equal sizes and times, and it is seeded
		// anew: another run of what is, by its name, the same job.
		_, err := protocol.Clean(t.Context(), r.rdb, r.plan.Job)
		check.Must(t, err)
		check.Must(t, r.folder.Forget(r.plan.Job.ID))
		for _, f := range r.plan.Manifest.Files {
			text, err := os.ReadFile(f.Path)
			check.Must(t, err)
			check.Must(t, os.WriteFile(f.Path, []byte(strings.ReplaceAll(string(text), "common", "COMMON")), 0o644))
			check.Must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(0, f.MTime)))
		}
		id := r.plan.Job.ID
		r.prepare(o)
		if r.plan.Job.ID != id {
			t.Fatalf("job %s became %s", id, r.plan.Job.ID)
		}
		check.Must(t, r.sup.Seed(t.Context()))
		if newer := r.status().Run; newer == older || newer == "" {
			t.Fatalf("run %q after %q", newer, older)
		}
		// Its tasks are pending again, under the same numbers, when the zombie commits.
		entries, err := r.probe.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: "workers", Consumer: "successor", Streams: []string{r.plan.Job.Key("map"), ">"}, Block: -1,
		}).Result()
		check.Must(t, err)
		if n := len(entries[0].Messages); n != r.sup.Maps() {
			t.Fatalf("%d of %d tasks are pending", n, r.sup.Maps())
		}
		close(wake)
		zombie.left(protocol.ErrOtherRun)
		if st := r.status(); st.Mapped != 0 || st.Tokens != 0 || st.Pending() != r.sup.Maps() {
			t.Errorf("the zombie reached the newer run: %+v", st)
		}
		_, err = r.sup.Release(t.Context(), "successor", false)
		check.Must(t, err)
		worker := r.startWorker("worker")
		r.finishExactly()
		worker.left(nil)
	})
}

func TestFault52MoreWorkersThanTasks(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"one": "a few words"})
		r.size = 5
		o.Split = 0
		r.exact(o)
		if n := r.team.Restarts(); n != 0 {
			t.Errorf("%d idle workers left before the job was sealed", n)
		}
	})
}

func TestFault53SplitThatKillsEveryWorkerIsBuriedAndTheRestCounted(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(10, 10))
		o.Split, o.WholeFiles = 0, true
		r.prepare(o)
		const poisonous = 4
		r.cursed = &sabotage{Command: "commit", Task: poisonous, Signal: syscall.SIGKILL}
		path := r.plan.Splits()[poisonous-1].Path
		r.finishFailing(protocol.ErrIncomplete, fmt.Sprintf("%q", path), "workers died of it")
		st := r.status()
		if st.Mapped != r.sup.Maps()-1 || st.Buried != 1 || st.Pending() != 0 {
			t.Errorf("%d of %d tasks were counted, %d buried, %d are pending", st.Mapped, st.Maps, st.Buried, st.Pending())
		}
		if r.team.Restarts() < protocol.AloneFrom {
			t.Errorf("buried after %d deaths", r.team.Restarts())
		}
	})
}

// workerInProcess is a worker that is a goroutine of the test, with hooks around what it asks of
// Redis.
type workerInProcess struct {
	tb   testing.TB
	done chan error
}

// startWorker starts a worker within the test; it ends with the test at the latest.
func (r *rig) startWorker(consumer string, hooks ...wordcounttest.Hook) *workerInProcess {
	r.tb.Helper()
	return r.startTrusting(consumer, wordcounttest.AnyFile, hooks...)
}

func (r *rig) startTrusting(consumer string, trust plan.Trust, hooks ...wordcounttest.Hook) *workerInProcess {
	r.tb.Helper()
	rdb, err := r.endpoint.Client(consumer)
	check.Must(r.tb, err)
	for _, h := range hooks {
		rdb.AddHook(h)
	}
	w := newWorkerOf(r.tb, rdb, worker.Spec{Job: r.plan.Job, Consumer: consumer + "-" + protocol.NewNonce(), Lease: r.lease, Trust: trust, Store: r.store})
	ctx, cancel := context.WithCancel(context.Background())
	running := &workerInProcess{r.tb, make(chan error, 1)}
	var ended sync.WaitGroup
	ended.Go(func() { running.done <- w.Run(ctx) })
	r.tb.Cleanup(func() {
		cancel()
		ended.Wait()
		rdb.Close()
	})
	return running
}

// left waits until the worker has ended, and checks how.
func (w *workerInProcess) left(want error) {
	w.tb.Helper()
	select {
	case err := <-w.done:
		if !errors.Is(err, want) {
			w.tb.Errorf("the worker left with %v, want %v", err, want)
		}
	case <-time.After(limit):
		w.tb.Error("the worker didn't leave")
	}
}
