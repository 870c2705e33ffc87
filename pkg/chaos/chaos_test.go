package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
)

// target is a job of two tasks that nobody works on, ready to be attacked. What the attack says is collected.
type target struct {
	Attack
	beat atomic.Int64          // of the workers' heartbeats
	tell func(beat int) string // what a heartbeat says, if not what one does

	mu   sync.Mutex
	said []string
}

// lines is what the attack has said so far.
func (a *target) lines() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.said)
}

func newTarget(t *testing.T) *target {
	t.Helper()
	server := redistest.Start(t)
	input := t.TempDir()
	for _, name := range []string{"one", "two"} {
		check.Must(t, os.WriteFile(filepath.Join(input, name), []byte(name), 0o600))
	}
	m, err := plan.Scan(t.Context(), []string{input}, "", plan.Options{})
	check.Must(t, err)
	a := &target{Attack: Attack{
		Redis: server.Client(t), Server: server.Server, Folder: state.Folder{Dir: t.TempDir()},
		Plan: plan.New(m, plan.Options{Reducers: 2}), Durability: checkpoint.BGSave,
	}}
	a.Say = func(format string, args ...any) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.said = append(a.said, fmt.Sprintf(format, args...))
	}
	check.Must(t, a.Folder.Save(a.Plan))
	_, err = protocol.Library.Load(t.Context(), a.Redis)
	check.Must(t, err)
	s := supervisor.New(supervisor.Config{Redis: a.Redis, Plan: a.Plan, Folder: a.Folder, Store: place.Store{Dir: t.TempDir()}})
	check.Must(t, s.Seed(t.Context()))
	return a
}

// supervise makes the test the job's supervisor, as far as the folder can tell, until it calls what this returns.
func (a *target) supervise(t *testing.T) (leave func()) {
	t.Helper()
	return a.lock(t, os.Getpid())
}

// lock holds the job's lock, and says in it that the holder is this process.
func (a *target) lock(t *testing.T, pid int) (unlock func()) {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(a.Folder.Dir, "jobs", a.Plan.Job.ID, "lock"), os.O_CREATE|os.O_WRONLY, 0o600)
	check.Must(t, err)
	t.Cleanup(func() { lock.Close() })
	check.Must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	_, err = fmt.Fprintln(lock, pid)
	check.Must(t, err)
	return func() { lock.Close() }
}

// process is one that waits until the test ends, started by this shell script; its command line ends with args.
func process(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	held, leash, err := os.Pipe()
	check.Must(t, err)
	defer held.Close()
	cmd := exec.Command("sh", append([]string{"-c", script}, args...)...)
	cmd.Stdin = held
	check.Must(t, cmd.Start())
	t.Cleanup(func() {
		leash.Close()
		cmd.Wait()
	})
	return cmd
}

// waits is the script of a process that does nothing; orphan's has a child that is one.
const (
	waits  = `read line`
	orphan = `exec 3<&0; sh -c 'read line <&3' "$0" "$1" & echo $! >"$2.pid"; mv "$2.pid" "$2"; wait`
)

// worker is a process that passes for a worker of the job: it has introduced itself, and it may hold a task.
func (a *target) worker(t *testing.T, name string, holds bool) *exec.Cmd {
	t.Helper()
	cmd := process(t, waits, "wordcount-worker", name)
	a.introduce(t, name, cmd.Process.Pid)
	if holds {
		a.give(t, name)
	}
	return cmd
}

// introduce makes Redis name a worker as that process.
func (a *target) introduce(t *testing.T, name string, pid int) {
	t.Helper()
	host, err := os.Hostname()
	check.Must(t, err)
	about, err := json.Marshal(protocol.WorkerInfo{PID: pid, Host: host, Beat: int(a.beat.Add(1))})
	check.Must(t, err)
	check.Must(t, a.Redis.HSet(t.Context(), a.Plan.Job.Key("workers"), name, about).Err())
}

// give gives a worker a task.
func (a *target) give(t *testing.T, name string) {
	t.Helper()
	check.Must(t, a.Redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: protocol.Group, Consumer: name, Streams: []string{a.Plan.Job.StreamKey(protocol.Maps), ">"}, Count: 1, Block: -1,
	}).Err())
}

// alive tells whether a process has not ended. A zombie has.
func alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

func TestKillWorkerKillsTheOneThatHoldsATaskAndReturnsWhenAnotherHasIt(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	a.supervise(t)
	idle := a.worker(t, "idle", false)
	holder := a.worker(t, "holder", true)
	done := make(chan error, 1)
	go func() {
		_, err := a.KillWorker(t.Context())
		done <- err
	}()
	var exit *exec.ExitError
	if err := holder.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the holder ended with %v", err)
	}
	select {
	case err := <-done:
		t.Errorf("it returned while the dead one still had the task: %v", err)
	default:
	}
	check.Must(t, a.Redis.XClaim(t.Context(), &redis.XClaimArgs{
		Stream: a.Plan.Job.StreamKey(protocol.Maps), Group: protocol.Group, Consumer: "idle", Messages: []string{"1-0"},
	}).Err())
	select {
	case err := <-done:
		check.Must(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it doesn't see that the task has another owner")
	}
	if !alive(idle.Process.Pid) {
		t.Error("the idle worker was killed")
	}
	want := fmt.Sprintf("killed worker %d with map task 1: worker %d took over after ", holder.Process.Pid, idle.Process.Pid)
	if said := a.lines(); len(said) != 1 || !strings.HasPrefix(said[0], want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

// Redis may name any process: only workers that the job's supervisor in this folder has started are hit.
func TestFault62AProcessThatIsNoChildOfTheSupervisorIsNotSignalled(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) (pid int){
		"somebody else's child": func(t *testing.T) int {
			file := filepath.Join(t.TempDir(), "pid")
			process(t, orphan, "wordcount-worker", "decoy", file)
			for {
				if text, err := os.ReadFile(file); err == nil {
					pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
					check.Must(t, err)
					return pid
				}
			}
		},
		"a child that is no worker": func(t *testing.T) int { return process(t, waits).Process.Pid },
		"another worker's name":     func(t *testing.T) int { return process(t, waits, "wordcount-worker", "another").Process.Pid },
	} {
		for _, fault := range []Fault{KillWorker, PauseWorker} {
			t.Run(name+", "+fault.Name, func(t *testing.T) {
				t.Parallel()
				a := newTarget(t)
				leave := a.supervise(t)
				decoy := start(t)
				a.introduce(t, "decoy", decoy)
				a.give(t, "decoy")
				a.leavesAlone(t, fault, "decoy", decoy, leave)
			})
		}
	}
	// On the code that believed these numbers the first one ended everything that the test could see.
	for name, about := range map[string]string{
		"-1": `{"pid":-1,"host":%q,"beat":%d}`, "0": `{"pid":0,"host":%q,"beat":%d}`, "1": `{"pid":1,"host":%q,"beat":%d}`,
		"2^40": `{"pid":1099511627776,"host":%q,"beat":%d}`, "garbage": `}{%q%d`,
	} {
		t.Run("process "+name, func(t *testing.T) {
			t.Parallel()
			a := newTarget(t)
			leave := a.supervise(t)
			host, err := os.Hostname()
			check.Must(t, err)
			bystander := process(t, waits).Process.Pid
			a.give(t, "decoy")
			a.tell = func(beat int) string { return fmt.Sprintf(about, host, beat) }
			a.leavesAlone(t, KillWorker, "decoy", bystander, leave)
		})
	}
}

// leavesAlone lets a fault look for a victim where only this worker holds something, says new things of the worker until the
// fault says that it is left alone, and ends the job then.
func (a *target) leavesAlone(t *testing.T, fault Fault, name string, pid int, leave func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := fault.Inject(a.Attack, t.Context())
		done <- err
	}()
	for len(a.lines()) == 0 {
		if a.tell != nil {
			check.Must(t, a.Redis.HSet(t.Context(), a.Plan.Job.Key("workers"), name, a.tell(int(a.beat.Add(1)))).Err())
		} else {
			a.introduce(t, name, pid)
		}
		if !alive(pid) {
			t.Fatal("a process was killed that is no worker of this supervisor")
		}
	}
	want := `worker "decoy" holds a task and is left alone: it isn't a child of this folder's supervisor`
	if said := a.lines(); !slices.Equal(said, []string{want}) {
		t.Fatalf("said %q, want %q", said, want)
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || strings.ContainsAny(string(state), "ZT") {
		t.Errorf("the process is in state %q, %v", state, err)
	}
	leave()
	select {
	case err := <-done:
		if !errors.Is(err, ErrOver) {
			t.Errorf("with nobody to hit: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on looking when the job is over")
	}
}

// The lock's file may say anything, too.
func TestFault62AProcessThatDoesNotHoldTheLockIsNoSupervisor(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	decoy := process(t, waits).Process.Pid
	a.lock(t, decoy)
	a.Resume = func(context.Context) error { return errors.New("resumed") }
	done := make(chan error, 1)
	go func() {
		_, err := a.KillSupervisor(t.Context())
		done <- err
	}()
	for ended := false; !ended; {
		select {
		case err := <-done:
			if ended = true; !errors.Is(err, state.ErrNoProcess) {
				t.Errorf("it ends with %v", err)
			}
		case <-time.After(time.Millisecond):
		}
		if !alive(decoy) {
			t.Fatal("a process was killed that doesn't hold the lock")
		}
	}
}

func TestACheckpointOfAnEarlierRunBringsNothingBack(t *testing.T) {
	for _, c := range []struct {
		run            string
		restored, lost int
	}{{"this", 48, 0}, {"this", 30, 18}, {"this", 64, 0}, {"an earlier one", 64, 48}, {"", 0, 48}} {
		before, restored := protocol.Status{Run: "this", Mapped: 48}, protocol.Status{Run: c.run, Mapped: c.restored}
		if n := toRedo(before, restored); n != c.lost {
			t.Errorf("of 48 maps, and %d restored of run %q: %d to redo, want %d", c.restored, c.run, n, c.lost)
		}
	}
}

func TestAJobThatNobodySupervisesIsNotAttacked(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	if err := a.WaitForProgress(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("WaitForProgress: %v", err)
	}
	pid := a.Server.Pid
	for _, f := range []Fault{RestartRedis, RollbackRedis, CorruptCheckpoint} {
		if _, err := f.Inject(a.Attack, t.Context()); !errors.Is(err, ErrOver) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if _, err := a.AwaitSeal(t.Context()); !errors.Is(err, protocol.ErrIncomplete) {
		t.Errorf("Outlive: %v", err)
	}
	if syscall.Kill(pid, 0) != nil {
		t.Error("the server was killed")
	}
}

func TestWhatWasPublishedIsOutlived(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	published := state.Sealed{Fence: "fence", Tokens: 2}
	check.Must(t, a.Folder.Publish(a.Plan.Job.ID, published))
	if sealed, err := a.AwaitSeal(t.Context()); err != nil || !reflect.DeepEqual(sealed, published) {
		t.Errorf("%+v, %v", sealed, err)
	}
}

func TestAGivenServerIsNotHarmed(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	host := a.Server
	given, err := redisd.Open(redisd.Config{URL: "redis://" + host.Addr, PasswordFile: filepath.Join(host.DataDir, "password")})
	check.Must(t, err)
	a.Server = given
	for _, f := range []Fault{RestartRedis, RollbackRedis, CorruptCheckpoint, PauseRedis, DropReplies} {
		if _, err := f.Inject(a.Attack, t.Context()); !errors.Is(err, redisd.ErrGiven) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := a.Redis.Ping(t.Context()).Err(); err != nil || syscall.Kill(host.Pid, 0) != nil {
		t.Errorf("the server suffered: %v", err)
	}
	if len(a.said) != 0 {
		t.Errorf("said %q", a.said)
	}
}

func TestDropRepliesCutsConnectionsAndSaysHowMany(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	other, err := a.Server.Endpoint().Client("other")
	check.Must(t, err)
	defer other.Close()
	check.Must(t, other.Ping(t.Context()).Err())
	// It is cut while it waits for its reply.
	lost := make(chan error, 1)
	go func() { lost <- other.BLPop(t.Context(), 0, "nothing").Err() }()
	// And this one does not read: a reply that its socket can't hold is lost with it.
	check.Must(t, a.Redis.Set(t.Context(), "large", strings.Repeat("x", 64<<20), 0).Err())
	password, err := os.ReadFile(filepath.Join(a.Server.DataDir, "password"))
	check.Must(t, err)
	deaf, err := net.Dial("tcp", a.Server.Addr)
	check.Must(t, err)
	defer deaf.Close()
	fmt.Fprintf(deaf, "AUTH %s\r\nGET large\r\n", password)
	for asked := false; !asked; {
		clients, err := a.Redis.ClientList(t.Context()).Result()
		check.Must(t, err)
		asked = strings.Contains(clients, " cmd=get ")
	}
	if _, err := a.DropReplies(t.Context()); !errors.Is(err, ErrOver) { // nobody is there to move on
		t.Errorf("it ends with %v", err)
	}
	select {
	case err := <-lost:
		if err == nil {
			t.Error("the reply came")
		}
	case <-time.After(time.Minute):
		t.Fatal("a connection was spared")
	}
	cuts, replies := 0, 0
	if len(a.said) == 1 {
		fmt.Sscanf(a.said[0], "cut %d connections, and lost %d replies", &cuts, &replies)
	}
	if cuts < 2 || replies == 0 {
		t.Errorf("said %q", a.said)
	}
}

func TestDropRepliesOfAJobThatIsOverFails(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	if _, err := a.DropReplies(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("it ends with %v", err)
	}
	if len(a.said) != 0 {
		t.Errorf("said %q", a.said)
	}
}

func TestTheJobsKeysAreShownInOneLine(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	fields := a.Redis.HLen(t.Context(), a.Plan.Job.Key("meta")).Val()
	want := fmt.Sprintf("meta (hash, %d), map (stream, 2)", fields)
	if got := a.keys(t.Context()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	check.Must(t, a.Redis.FlushAll(t.Context()).Err())
	if got := a.keys(t.Context()); got != "no keys" {
		t.Errorf("of a lost job: %s", got)
	}
}
