package redisd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

const syscallZero = syscall.Signal(0)

func TestAServerOnPATHIsStarted(t *testing.T) {
	onPath(t, "redis-server", realServer(t))
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Process}
	killAtEnd(t, c)
	s := ensure(t, c)
	if s.Kind != redisd.Process || !s.Owned() {
		t.Errorf("kind %q, owned %v", s.Kind, s.Owned())
	}
	if !strings.HasPrefix(s.Version, "redis ") && !strings.HasPrefix(s.Version, "valkey ") {
		t.Errorf("version %q", s.Version)
	}
	if name := client(t, s.Endpoint()).ClientGetName(t.Context()).Val(); name != "test" {
		t.Errorf("the client is called %q", name)
	}
}

func TestAServerThatRunsDoesNotMoveToAnotherPortAndThatIsTold(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s)
	c.Port = freePort(t)
	var said lines
	same, err := redisd.Ensure(t.Context(), c, said.say)
	if err != nil || same.Addr != s.Addr {
		t.Errorf("%v, %v", same, err)
	}
	said.mustSay(t, "it doesn't move to port "+itoa(c.Port)+" before it is stopped")
}

func TestThePasswordIsInPrivateFilesOnly(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	text, err := os.ReadFile(s.Given().PasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	password := strings.TrimSpace(string(text))
	if len(password) < 20 {
		t.Fatalf("a password of %d letters", len(password))
	}
	for _, file := range []string{"password", "redis.conf", "server.json"} {
		info, err := os.Stat(filepath.Join(s.DataDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	if info, err := os.Stat(s.DataDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v (%v)", info.Mode(), err)
	}
	endpoint, _ := json.Marshal(s.Endpoint())
	record, _ := os.ReadFile(filepath.Join(s.DataDir, "server.json"))
	log, _ := os.ReadFile(filepath.Join(s.DataDir, "redis.log"))
	for what, text := range map[string]string{"endpoint": string(endpoint), "record": string(record), "log": string(log), "String": s.String()} {
		if strings.Contains(text, password) {
			t.Errorf("the %s holds the password", what)
		}
	}

	e := s.Given()
	e.PasswordFile = ""
	if err := redisd.Ready(t.Context(), client(t, e)); !errors.Is(err, redisd.ErrRefused) {
		t.Errorf("without a password: %v", err)
	}
}

func TestEnsureAgainFindsTheSameServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	again := ensure(t, config(s))
	if again.Pid != s.Pid || again.Addr != s.Addr {
		t.Errorf("was pid %d at %s, then %d at %s", s.Pid, s.Addr, again.Pid, again.Addr)
	}
	opened, err := redisd.Open(config(s))
	if err != nil || opened.Pid != s.Pid {
		t.Errorf("opened %v, %v", opened, err)
	}
}

func TestManyEnsuresAtOnceStartOneServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill(t)
	pids := make([]int, 8)
	var wg sync.WaitGroup
	for i := range pids {
		wg.Go(func() {
			again, err := redisd.Ensure(t.Context(), config(s), func(string) {})
			if err != nil {
				t.Error(err)
				return
			}
			pids[i] = again.Pid
		})
	}
	wg.Wait()
	for _, pid := range pids {
		if pid != pids[0] || pid == s.Pid {
			t.Fatalf("servers %v after %d", pids, s.Pid)
		}
	}
}

func TestAKilledServerComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	c.Set(t.Context(), "k", "saved", 0)
	s.Checkpoint(t)
	c.Set(t.Context(), "k", "lost", 0)
	endpoint, addr, pid := s.Endpoint(), s.Addr, s.Pid
	s.Kill(t)
	if isRedis(pid) {
		t.Error("after Kill the process is still there")
	}
	s.Start(t)
	if s.Endpoint() != endpoint || s.Addr != addr || s.Pid == pid {
		t.Errorf("came back as %v at %s, pid %d", s.Endpoint(), s.Addr, s.Pid)
	}
	if got := c.Get(t.Context(), "k").Val(); got != "saved" {
		t.Errorf("came back with %q, want what the last checkpoint saved", got)
	}
	running := s.Pid
	s.Start(t)
	if s.Pid != running {
		t.Error("starting a running server started another one")
	}
}

func TestKillOfAStaleHandleKillsTheServerThatRuns(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	stale := *s.Server
	s.Kill(t)
	s.Start(t)
	if err := stale.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if isRedis(s.Pid) {
		t.Error("the running server survived")
	}
}

func TestAServerKilledThisVeryMomentIsStartedOnItsPort(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	addr := s.Addr
	for range 20 {
		running, err := redisd.Open(config(s))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(running.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if again := ensure(t, config(s)); again.Addr != addr {
			t.Fatalf("at %s instead of %s", again.Addr, addr)
		}
	}
}

func TestKillTakesTheCheckpointAlong(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	temp := endlessBGSAVE(t, s.Client(t), s.DataDir)
	child := childOf(t, temp)
	s.Kill(t)
	if !gone(temp) {
		t.Error("the temporary file is left")
	}
	if isRedis(child) {
		t.Error("the child is left")
	}
}

func TestAnOrphanedCheckpointIsKilledBeforeTheRestart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	temp := endlessBGSAVE(t, s.Client(t), s.DataDir)
	child := childOf(t, temp)
	syscall.Kill(s.Pid, syscall.SIGKILL) // the server alone
	eventually(t, "the server is gone", func() bool { return !isRedis(s.Pid) })
	if !isRedis(child) {
		t.Fatal("there is no orphan to test with")
	}
	again := ensure(t, config(s))
	if again.Pid == s.Pid || isRedis(child) || !gone(temp) {
		t.Errorf("server %d again, orphan alive: %v, its file gone: %v", again.Pid, isRedis(child), gone(temp))
	}
}

// isRedis reports whether pid is a live redis; a zombie has no command line.
func isRedis(pid int) bool {
	out, _ := exec.Command("ps", "-o", "command=", "-p", itoa(pid)).Output()
	isServer := strings.Contains(string(out), "redis-") || strings.Contains(string(out), "valkey-")
	return isServer && !strings.Contains(string(out), "defunct")
}

func TestAReusedPidIsNotTheServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill(t)
	// The stranger even mentions the name, and leads its group.
	stranger := exec.Command("tail", "-f", "/dev/null", s.Name)
	stranger.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stranger.Process.Kill()
		stranger.Wait()
	}()
	editRecord(t, s.DataDir, func(r map[string]any) { r["pid"] = stranger.Process.Pid })

	s.Kill(t)
	again := ensure(t, config(s))
	if again.Pid == stranger.Process.Pid {
		t.Error("the stranger was taken for the server")
	}
	if !alive(stranger) {
		t.Error("the stranger was killed")
	}
}

func TestAPausedServerCanBeKilled(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if err := syscall.Kill(s.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.Kill(t)
	s.Start(t)
}

func TestATakenPortIsAvoided(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	found := redistest.Start(t) // for its kind
	c := redisd.Config{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port, Kind: found.Kind}
	killAtEnd(t, c)
	var said lines
	s, err := redisd.Ensure(t.Context(), c, said.say)
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr == l.Addr().String() {
		t.Error("took the taken port")
	}
	said.mustSay(t, fmt.Sprintf("%s is taken by %s, using %s", l.Addr(), us(), s.Addr))
}

// us is how an error names this process, which listens where the server should.
func us() string { return fmt.Sprintf("process %d of user %d", os.Getpid(), os.Geteuid()) }

func TestAPortTakenMeanwhileIsSaid(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	addr := s.Addr
	s.Kill(t)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.Server.Start(t.Context()); !errors.Is(err, redisd.ErrPortTaken) {
		t.Errorf("Start: %v", err)
	}
	var said lines
	again, err := redisd.Ensure(t.Context(), config(s), said.say)
	if err != nil {
		t.Fatal(err)
	}
	if again.Addr == addr {
		t.Error("took the taken port")
	}
	said.mustSay(t, addr+" is taken by ")
}

func TestALogThatHasGrownIsPutAsideAtTheNextStart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := filepath.Join(s.DataDir, "redis.log")
	s.Kill(t)
	s.Start(t)
	if _, err := os.Stat(log + ".old"); err == nil {
		t.Error("a short log was put aside")
	}
	for _, size := range []int64{5 << 20, 6 << 20} { // the second log replaces the first
		s.Kill(t)
		if err := os.Truncate(log, size); err != nil {
			t.Fatal(err)
		}
		s.Start(t)
		now, err := os.Stat(log)
		old, oldErr := os.Stat(log + ".old")
		if err != nil || oldErr != nil || now.Size() == 0 || now.Size() > 1<<20 || old.Size() != size {
			t.Errorf("now %v (%v), the old one %v (%v)", now, err, old, oldErr)
		}
	}
}

func TestStopSavesAndForgets(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Client(t).Set(t.Context(), "k", "unsaved", 0)
	kind, pid := s.Kind, s.Pid
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if isRedis(pid) {
		t.Error("still running")
	}
	if _, err := redisd.Open(config(s)); !errors.Is(err, redisd.ErrNone) {
		t.Errorf("after Stop, Open says %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("the second Stop: %v", err)
	}
	c := config(s)
	c.Kind, c.Port = kind, freePort(t)
	again := ensure(t, c)
	if got := client(t, again.Endpoint()).Get(t.Context(), "k").Val(); got != "unsaved" {
		t.Errorf("the next server has %q", got)
	}
}

func TestAServerThatCannotSaveIsNotStopped(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if err := os.Mkdir(filepath.Join(s.DataDir, "dump.rdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := s.Client(t)
	c.Set(t.Context(), "k", "v", 0)
	err := s.Stop(t.Context())
	if err == nil || !strings.Contains(err.Error(), "can't save") {
		t.Errorf("Stop: %v", err)
	}
	if got := c.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("the server has %q", got)
	}
}

func TestADamagedDumpIsPutAsideAndSaidInOneLine(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	for i := range 100 {
		c.Set(t.Context(), "key "+itoa(i), strings.Repeat("value ", i), 0)
	}
	sound := s.Checkpoint(t)
	flipped := slices.Clone(sound)
	flipped[len(flipped)/2] ^= 0xff
	damaged := map[string][]byte{
		"truncated":  sound[:len(sound)/2],
		"empty":      {},
		"flipped":    flipped,
		"not a dump": []byte("once upon a time, there was a file"),
	}
	for _, kept := range []bool{false, true} {
		for name, dump := range damaged {
			s.Restore(t, sound)
			if kept {
				if err := s.Keep("test"); err != nil {
					t.Fatal(err)
				}
			}
			s.Restore(t, nil)
			s.Kill(t)
			path := filepath.Join(s.DataDir, "dump.rdb")
			if err := os.WriteFile(path, dump, 0o600); err != nil {
				t.Fatal(err)
			}
			var said lines
			if _, err := redisd.Ensure(t.Context(), config(s), said.say); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n := c.DBSize(t.Context()).Val(); kept && n != 100 || !kept && n != 0 {
				t.Errorf("%s, with one kept: %v: came back with %d keys", name, kept, n)
			}
			said.mustSay(t, "the server can't load its dump.rdb: ")
			if len(said.said) != 2 || strings.Contains(said.said[0], "\n") {
				t.Errorf("%s: %q", name, said.said)
			}
			aside, _ := filepath.Glob(path + ".damaged-*")
			if len(aside) != 1 {
				t.Fatalf("%s: put aside: %q", name, aside)
			}
			if text, _ := os.ReadFile(aside[0]); !bytes.Equal(text, dump) {
				t.Errorf("%s: what was put aside is another dump", name)
			}
			os.Remove(aside[0])
		}
	}
}

func TestAStrangerIsNotFrozen(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill(t)
	stranger := exec.Command("sleep", "600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stranger.Process.Kill()
		stranger.Wait()
	}()
	editRecord(t, s.DataDir, func(r map[string]any) { r["pid"] = stranger.Process.Pid })
	if err := s.Freeze(t.Context()); err == nil {
		t.Error("a program that has the dead server's pid was stopped")
	}
}

func TestAFolderOfAnyName(t *testing.T) {
	t.Parallel()
	s := redistest.StartIn(t, filepath.Join(t.TempDir(), `a [b] "c", 'd' *`))
	e, err := s.AddUser(t.Context(), "guest", "+ping +info +client")
	if err != nil {
		t.Fatal(err)
	}
	temp := endlessBGSAVE(t, s.Client(t), s.DataDir)
	s.Kill(t)
	if !gone(temp) {
		t.Error("the temporary file is left")
	}
	s.Start(t)
	if err := redisd.Ready(t.Context(), client(t, e)); err != nil {
		t.Errorf("the added user: %v", err)
	}
}

func TestAUserWhoseRulesAreRefusedKeepsNoServerFromItsStart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if _, err := s.AddUser(t.Context(), "guest", "+ping no-rule"); err == nil {
		t.Error("it was added")
	}
	s.Kill(t)
	s.Start(t)
}

func TestTheFirstServerOnPATHIsTakenWhateverItsName(t *testing.T) {
	onPath(t, "redis-server", realServer(t))
	onPath(t, "valkey-server", realServer(t))
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Process}
	killAtEnd(t, c)
	if s := ensure(t, c); filepath.Base(s.Program) != "valkey-server" {
		t.Errorf("%s was taken", s.Program)
	}
}

func TestAServerKilledWhileItStartsIsStartedAgain(t *testing.T) {
	dies := filepath.Join(t.TempDir(), "dies")
	onPath(t, "redis-server", `if [ "$1" != --version ] && [ -e '`+dies+`' ]; then rm '`+dies+`'; kill -KILL $$; fi
`+realServer(t))
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Process}
	killAtEnd(t, c)
	if err := os.WriteFile(dies, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ensure(t, c)
	if !gone(dies) {
		t.Error("it wasn't killed")
	}
}

func TestAServerThatEndsAtOnceIsQuoted(t *testing.T) {
	onPath(t, "redis-server", `[ "$1" = --version ] && { echo Redis server v=7.2.0; exit; }
echo my disk is upside down >&2; exit 1`)
	_, err := redisd.Ensure(t.Context(), redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Process}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "my disk is upside down") {
		t.Error(err)
	}
}

func TestAnOldServerOnPATHIsNotTaken(t *testing.T) {
	onPath(t, "redis-server", "echo Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64")
	dir, _, _ := strings.Cut(os.Getenv("PATH"), ":")
	t.Setenv("PATH", dir) // nothing but the old one
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Process}
	_, err := redisd.Ensure(t.Context(), c, func(string) {})
	if !errors.Is(err, redisd.ErrUnavailable) || !strings.Contains(err.Error(), "needs Redis 7.0 or newer, found 6.2.14") {
		t.Error(err)
	}
	if _, err := redisd.Open(c); !errors.Is(err, redisd.ErrNone) {
		t.Errorf("it was recorded: %v", err)
	}
}

func TestAMovedFolderKeepsItsServerAndACopyHasNone(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	old, moved, duplicate := filepath.Join(top, "old"), filepath.Join(top, "moved"), filepath.Join(top, "copy")
	s := redistest.StartIn(t, old)
	if err := os.CopyFS(duplicate, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	if _, err := redisd.Open(redisd.Config{Dir: duplicate}); !errors.Is(err, redisd.ErrNone) {
		t.Errorf("in the copy: %v", err)
	}
	if err := os.Rename(old, moved); err != nil {
		t.Fatal(err)
	}
	c := redisd.Config{Dir: moved}
	killAtEnd(t, c)
	again := ensure(t, c)
	if again.Pid != s.Pid {
		t.Errorf("server %d after moving, was %d", again.Pid, s.Pid)
	}
	ctx := t.Context()
	if err := client(t, again.Endpoint()).Save(ctx).Err(); err != nil || gone(filepath.Join(moved, "redis", "dump.rdb")) {
		t.Errorf("a checkpoint doesn't land in the moved folder: %v", err)
	}
}
