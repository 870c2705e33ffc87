package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// target is a job of two tasks that nobody works on, ready to be attacked. What the attack says is collected.
type target struct {
	Attack
	said []string
}

func newTarget(t *testing.T) *target {
	t.Helper()
	server := redistest.Start(t)
	input := t.TempDir()
	for _, name := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(input, name), []byte(name), 0o600))
	}
	m, err := wordcount.Scan(input, "", func(string, string) {})
	must(t, err)
	a := &target{Attack: Attack{
		Redis: server.Client(t), Server: server.Server, Folder: wordcount.Folder{Dir: t.TempDir()},
		Plan: wordcount.NewPlan(m, wordcount.Options{Reducers: 2}), Durability: wordcount.BGSave,
	}}
	a.Say = func(format string, args ...any) { a.said = append(a.said, fmt.Sprintf(format, args...)) }
	must(t, a.Folder.Save(a.Plan))
	_, err = wordcount.Library.Load(t.Context(), a.Redis)
	must(t, err)
	s := &wordcount.Supervisor{Redis: a.Redis, Plan: a.Plan, Folder: a.Folder, Say: a.Say}
	s.Prepare()
	must(t, s.Seed(t.Context()))
	return a
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// worker is a process that passes for a worker of the job: it has introduced itself, and it may hold a task.
func (a *target) worker(t *testing.T, name, host string, holds bool) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	about, err := json.Marshal(wordcount.WorkerInfo{PID: cmd.Process.Pid, Host: host})
	must(t, err)
	must(t, a.Redis.HSet(t.Context(), a.Plan.Job.Key("workers"), name, about).Err())
	if holds {
		must(t, a.Redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: "workers", Consumer: name, Streams: []string{a.Plan.Job.Key("map"), ">"}, Count: 1, Block: -1,
		}).Err())
	}
	return cmd
}

func alive(cmd *exec.Cmd) bool { return cmd.Process.Signal(syscall.Signal(0)) == nil }

func TestKillWorkerKillsTheOneThatHoldsATaskAndReturnsWhenAnotherHasIt(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	here, err := os.Hostname()
	must(t, err)
	idle := a.worker(t, "idle", here, false)
	holder := a.worker(t, "holder", here, true)
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
	must(t, a.Redis.XClaim(t.Context(), &redis.XClaimArgs{
		Stream: a.Plan.Job.Key("map"), Group: "workers", Consumer: "idle", Messages: []string{"1-0"},
	}).Err())
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it doesn't see that the task has another owner")
	}
	if !alive(idle) {
		t.Error("the idle worker was killed")
	}
	want := []string{
		fmt.Sprintf("killed worker %d, which held map task 1", holder.Process.Pid),
		fmt.Sprintf("map task 1 runs again on %d after ", idle.Process.Pid),
	}
	if !slices.EqualFunc(a.said, want, strings.HasPrefix) {
		t.Errorf("said %q, want %q", a.said, want)
	}
}

func TestWorkersOfOtherHostsAreLeftAlone(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	elsewhere := a.worker(t, "holder", "another host", true)
	if _, err := a.KillWorker(t.Context()); !errors.Is(err, wordcount.ErrIncomplete) {
		t.Errorf("with nobody to kill: %v", err)
	}
	if !alive(elsewhere) {
		t.Error("a process was killed that has but the number of another host's worker")
	}
}

func TestAJobThatNobodySupervisesIsNotAttacked(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	if err := a.Ripen(t.Context()); !errors.Is(err, ErrOver) {
		t.Errorf("Ripen: %v", err)
	}
	pid := a.Server.Pid
	for _, f := range []Fault{RestartRedis, RollbackRedis, CorruptCheckpoint} {
		if _, err := f.Inject(a.Attack, t.Context()); !errors.Is(err, ErrOver) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if _, err := a.Outlive(t.Context()); !errors.Is(err, wordcount.ErrIncomplete) {
		t.Errorf("Outlive: %v", err)
	}
	if syscall.Kill(pid, 0) != nil {
		t.Error("the server was killed")
	}
}

func TestWhatWasPublishedIsOutlived(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	published := wordcount.Sealed{Fence: "fence", Tokens: 2}
	must(t, a.Folder.Publish(a.Plan.Job.ID, published))
	if sealed, err := a.Outlive(t.Context()); err != nil || sealed != published {
		t.Errorf("%+v, %v", sealed, err)
	}
}

func TestAGivenServerIsNotHarmed(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	host := a.Server
	given, err := redisd.Open(redisd.Config{URL: "redis://" + host.Addr, PasswordFile: filepath.Join(host.DataDir, "password")})
	must(t, err)
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
	must(t, err)
	defer other.Close()
	must(t, other.Ping(t.Context()).Err())
	// It is cut while it waits for its reply.
	lost := make(chan error, 1)
	go func() { lost <- other.BLPop(t.Context(), 0, "nothing").Err() }()
	// And this one does not read: a reply that its socket can't hold is lost with it.
	must(t, a.Redis.Set(t.Context(), "large", strings.Repeat("x", 64<<20), 0).Err())
	password, err := os.ReadFile(filepath.Join(a.Server.DataDir, "password"))
	must(t, err)
	deaf, err := net.Dial("tcp", a.Server.Addr)
	must(t, err)
	defer deaf.Close()
	fmt.Fprintf(deaf, "AUTH %s\r\nGET large\r\n", password)
	for asked := false; !asked; {
		clients, err := a.Redis.ClientList(t.Context()).Result()
		must(t, err)
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
	must(t, a.Redis.RPush(t.Context(), a.Plan.Job.Key("part:0"), "x", "y").Err())
	must(t, a.Redis.RPush(t.Context(), a.Plan.Job.Key("part:1"), "z").Err())
	fields := a.Redis.HLen(t.Context(), a.Plan.Job.Key("meta")).Val()
	want := fmt.Sprintf("meta (hash, %d), map (stream, 2), part:* (2 lists, 3 blobs)", fields)
	if got := a.keys(t.Context()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	must(t, a.Redis.FlushAll(t.Context()).Err())
	if got := a.keys(t.Context()); got != "no keys" {
		t.Errorf("of a lost job: %s", got)
	}
}
