// Package targets_test uses the compiled magefile as people do: by its command line, in a folder of its own, with real
// Redis servers and worker processes.
package targets_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// patience is how long anything may take: a test that waits in vain says for what.
const patience = 3 * time.Minute

var update = flag.Bool("update", false, "write the golden files anew")

// builds is the folder of everything that the tests compile.
var builds string

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests spend most of their time waiting for other processes: a few at once, but not a server for each processor of
	// a large machine.
	flag.Set("test.parallel", "4")
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else each process that we build sleeps for a second where the race detector watches
	code := 1
	if dir, err := os.MkdirTemp("", "magereduce-test-*"); err == nil {
		builds = dir
		os.Chmod(dir, 0o755) // one test runs the magefile as somebody else
		code = m.Run()
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// checkout is this repository's folder.
func checkout() (string, error) { return filepath.Abs(filepath.Join("..", "..")) }

// module makes dir a module that requires this checkout, offline. Its go.mod must be there.
func module(dir string) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644)
	}
	if err != nil {
		return err
	}
	const us = "github.com/magereduce/magereduce"
	_, err = command(dir, "go", "mod", "edit", "-require="+us+"@v0.0.0", "-replace="+us+"="+root)
	return err
}

// command runs a command of the Go tool chain in a module of ours.
func command(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = goEnv(os.Environ())
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return string(out), err
}

// goEnv lets a module that requires this checkout be built offline.
func goEnv(env []string) []string {
	flags := os.Getenv("GOFLAGS") + " -mod=mod"
	return append(env, "GOPROXY=off", "GOWORK=off", "GOFLAGS="+strings.TrimSpace(flags))
}

// raced tells whether the race detector watches the tests; then it watches the magefile, too.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// magefile compiles this repository's magefile, once. It is compiled in a module beside it, since Mage writes into the
// folder of the magefile, where somebody may be working.
var magefile = sync.OnceValues(func() (string, error) {
	root, err := checkout()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(builds, "magefile")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"magefile.go", "go.mod"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return "", err
		}
	}
	if _, err := command(dir, "go", "mod", "edit", "-module=example.com/magefile"); err != nil {
		return "", err
	}
	if err := module(dir); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "wordcount")
	compile := exec.Command("go", "tool", "mage", "-compile", program, "-ldflags", "-s -w")
	compile.Dir, compile.Env = dir, append(goEnv(os.Environ()), "CGO_ENABLED=0") // a static program fits into an image as it is
	if raced() {
		compile.Env = append(compile.Env, "CGO_ENABLED=1", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod -race"))
	}
	if out, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the magefile: %w: %s", err, out)
	}
	return program, nil
})

// folder is a working folder in which the magefile is used.
type folder struct {
	*testing.T
	dir     string
	program string
	server  *redistest.Server     // a Redis of its own, or its host's
	rdb     redis.UniversalClient // of whichever Redis it uses
	env     map[string]string
	as      *syscall.Credential // who uses it, if not we
	host    *redistest.Host     // where it is used, if not here

	// Every process that descends from one of ours inherits this end of a pipe. So the other end tells when all of them
	// are gone, whatever became of their parents.
	leash *os.File
}

// newFolder makes a folder whose Redis runs. Afterwards it makes sure that no process is left.
func newFolder(t *testing.T) *folder {
	t.Helper()
	f := bareFolder(t)
	f.has(redistest.StartIn(t, f.state()))
	f.env["WORDCOUNT_REDIS_PORT"] = port(f.server.Addr)
	return f
}

// newFolderOnSocket makes a folder whose Redis listens on a socket alone, as it does for people.
func newFolderOnSocket(t *testing.T) *folder {
	t.Helper()
	f := bareFolder(t)
	f.has(redistest.StartOnSocket(t, f.state()))
	return f
}

// has gives the folder its server. However that is found or started again, it is this one; and packages that were fetched
// are fetched once.
func (f *folder) has(server *redistest.Server) {
	f.Helper()
	f.server, f.rdb = server, server.Client(f)
	f.env["WORDCOUNT_REDIS_KIND"] = string(server.Kind)
	if cache, err := os.UserCacheDir(); err == nil {
		f.env["XDG_CACHE_HOME"] = cache
	}
}

// guest makes a folder that uses this one's Redis, as a server that was given.
func (f *folder) guest() *folder {
	f.Helper()
	g := bareFolder(f.T)
	g.server, g.rdb = f.server, f.rdb
	g.use(f.server.Given().URL, f.server.Given().PasswordFile)
	return g
}

func bareFolder(t *testing.T) *folder {
	t.Helper()
	program, err := magefile()
	check.Must(t, err)
	top := t.TempDir()
	f := &folder{T: t, dir: filepath.Join(top, "a folder"), program: program}
	f.env = map[string]string{
		"HOME": filepath.Join(top, "home"), "TMPDIR": filepath.Join(top, "tmp"), "PATH": os.Getenv("PATH"),
		"WORDCOUNT_WORKERS": "2",
	}
	for _, dir := range []string{f.dir, f.env["HOME"], f.env["TMPDIR"]} {
		check.Must(t, os.Mkdir(dir, 0o755))
	}
	held, leash, err := os.Pipe()
	check.Must(t, err)
	f.leash = leash
	t.Cleanup(func() { f.allGone(held) })
	t.Cleanup(f.noRace)
	return f
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// state is the folder's state folder.
func (f *folder) state() string { return filepath.Join(f.dir, ".wordcount") }

// allGone waits until no process that was ever started from here is left.
func (f *folder) allGone(held *os.File) {
	f.leash.Close()
	held.SetReadDeadline(time.Now().Add(patience / 4))
	if _, err := held.Read(make([]byte, 1)); err != io.EOF {
		f.Errorf("processes were left behind: %v", err)
		for _, pid := range f.left() {
			f.Logf("killing %d", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	held.Close()
}

// left lists the processes that have our HOME, where there is a /proc.
func (f *folder) left() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, _ := os.ReadFile(file)
		if bytes.Contains(env, []byte("HOME="+f.env["HOME"]+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// noRace fails if the race detector spoke in a worker; what it says elsewhere is seen by its exit status.
func (f *folder) noRace() {
	logs, _ := filepath.Glob(filepath.Join(f.state(), "jobs", "*", "workers.log"))
	for _, log := range logs {
		if text, _ := os.ReadFile(log); bytes.Contains(text, []byte("DATA RACE")) {
			f.Errorf("in a worker: %s", text)
		}
	}
}

// set sets a variable for the commands to come.
func (f *folder) set(name, value string) { f.env[name] = value }

// use makes the commands to come use a server that isn't ours.
func (f *folder) use(url, passwordFile string) {
	delete(f.env, "WORDCOUNT_REDIS_KIND")
	f.set("REDIS_URL", url)
	f.set("WORDCOUNT_REDIS_PASSWORD_FILE", passwordFile)
}

// write writes an input file.
func (f *folder) write(name, text string) {
	f.Helper()
	path := filepath.Join(f.dir, name)
	check.Must(f, os.MkdirAll(filepath.Dir(path), 0o755))
	check.Must(f, os.WriteFile(path, []byte(text), 0o644))
}

// texts writes n files into the folder that is counted by default: words that all have, words of their own, and white
// space and bytes of several kinds.
func (f *folder) texts(n int) {
	f.Helper()
	for i := range n {
		var b strings.Builder
		for w := range 40 {
			fmt.Fprintf(&b, "common%d own%d-%d\u00a0Ωmega%d\u3000\xff%d\r\n", w%7, i, w%11, w%3, w%2)
		}
		f.write(fmt.Sprintf("data/text %03d.txt", i), b.String())
	}
}

// slowTexts writes n files and makes the workers take their time over each, in their first life. One that takes the
// place of a dead worker is as quick as ever.
func (f *folder) slowTexts(n int) {
	f.Helper()
	f.texts(n)
	f.set("WORDCOUNT_FAULTS", "slow=300ms:2")
}

// live makes the job one without reducers: each task is committed when it is done, and not some seconds later.
func (f *folder) live() { f.set("WORDCOUNT_REDUCERS", "0") }

// counted is the export that must come of the default folder, by a serial count.
func (f *folder) counted() string {
	f.Helper()
	return f.countedIn("data")
}

// countedIn is the export that must come of a folder.
func (f *folder) countedIn(name string) string {
	f.Helper()
	counts := map[string]int{}
	check.Must(f, filepath.WalkDir(filepath.Join(f.dir, name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, word := range bytes.Fields(text) {
			counts[string(word)]++
		}
		return err
	}))
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	var b strings.Builder
	for _, word := range words {
		fmt.Fprintf(&b, "%d\t%s\n", counts[word], word)
	}
	return b.String()
}

// exact checks the published result against a serial count, and lets verify do so too.
func (f *folder) exact() {
	f.Helper()
	f.exactIn("data")
}

// exactIn is exact for another folder than the default one.
func (f *folder) exactIn(name string) {
	f.Helper()
	if got, want := f.exits(0, "export").out, f.countedIn(name); got != want {
		f.Errorf("exported %d lines:\n%s\na serial count has %d:\n%s", lines(got), head(got), lines(want), head(want))
	}
	contains(f, f.exits(0, "verify").out, "0 missing, 0 surplus, 0 different")
}

func lines(text string) int { return strings.Count(text, "\n") }

func head(text string) string {
	all := strings.SplitAfterN(text, "\n", 6)
	return strings.Join(all[:len(all)-1], "")
}

func contains(tb testing.TB, text, want string) {
	tb.Helper()
	if !strings.Contains(text, want) {
		tb.Errorf("nothing about %q in:\n%s", want, text)
	}
}

func lacks(tb testing.TB, text, unwanted string) {
	tb.Helper()
	if strings.Contains(text, unwanted) {
		tb.Errorf("there is %q in:\n%s", unwanted, text)
	}
}

// result is what became of a command.
type result struct {
	out, err string // standard output, standard error
	code     int
}

func (r result) String() string { return fmt.Sprintf("exit %d\n%s%s", r.code, r.out, r.err) }

// exits runs a command to its end, which must be this exit status.
func (f *folder) exits(code int, args ...string) result {
	f.Helper()
	return f.start(args...).exits(code)
}

// process is a command that goes on.
type process struct {
	*folder
	cmd      *exec.Cmd
	out, err output
	ended    chan struct{}
}

// start starts a command: targets and flags.
func (f *folder) start(args ...string) *process {
	f.Helper()
	return f.startCommand(exec.Command(f.program, args...))
}

func (f *folder) startCommand(cmd *exec.Cmd) *process {
	f.Helper()
	p := &process{folder: f, cmd: cmd, ended: make(chan struct{})}
	cmd.Dir = f.dir
	for name, value := range f.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if cmd.Stderr = &p.err; cmd.Stdout == nil {
		cmd.Stdout = &p.out
	}
	cmd.ExtraFiles = []*os.File{f.leash}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: f.as}
	if f.host != nil {
		f.host.Run(cmd)
	}
	cmd.WaitDelay = patience // for a descendant that holds on to its output
	check.Must(f, cmd.Start())
	go func() {
		defer close(p.ended)
		cmd.Wait()
	}()
	f.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// exits waits for the end, which must be this exit status.
func (p *process) exits(code int) result {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Fatalf("%v doesn't end:\n%s%s", p.cmd.Args[1:], &p.out, &p.err)
	}
	r := result{p.out.String(), p.err.String(), p.cmd.ProcessState.ExitCode()}
	if r.code != code {
		p.Fatalf("%v: want exit %d, got %s", p.cmd.Args[1:], code, r)
	}
	return r
}

// says waits until the process has said this.
func (p *process) says(text string) {
	p.Helper()
	said := func() bool { return strings.Contains(p.err.String(), text) || strings.Contains(p.out.String(), text) }
	p.await(fmt.Sprintf("%q from %v", text, p.cmd.Args[1:]), func() bool {
		if said() {
			return true
		}
		select {
		case <-p.ended:
			if !said() {
				p.Fatalf("%v ended without having said %q:\n%s%s", p.cmd.Args[1:], text, &p.out, &p.err)
			}
		default:
		}
		return false
	})
}

// team is the processes of the workers that it started first; each gets the signals.
func (p *process) team(signals ...syscall.Signal) (pids []int) {
	p.Helper()
	const step = "workers:spawn "
	p.says(step)
	_, said, _ := strings.Cut(p.err.String(), step)
	_, said, _ = strings.Cut(said, " workers: ")
	said, _, _ = strings.Cut(said, "\n")
	for field := range strings.FieldsSeq(said) {
		pid, err := strconv.Atoi(field)
		check.Must(p, err)
		pids = append(pids, pid)
		for _, signal := range signals {
			syscall.Kill(pid, signal) // it may have ended
		}
	}
	return pids
}

func (p *process) signal(s os.Signal) {
	p.Helper()
	check.Must(p, p.cmd.Process.Signal(s))
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits for something that can only be asked for.
func (f *folder) await(what string, holds func() bool) {
	f.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("waited in vain: %s", what)
		}
	}
}

// status is what status -json prints, by the names that are API.
type status struct {
	Job   string `json:"job"`
	Phase string `json:"phase"`
	Tasks struct {
		Total   int `json:"total"`
		Done    int `json:"done"`
		Pending int `json:"pending"`
	} `json:"tasks"`
	Workers []struct {
		ID    string `json:"id"`
		PID   int    `json:"pid"`
		State string `json:"state"`
		Tasks int    `json:"tasks"`
		Done  int    `json:"done"`
	} `json:"workers"`
	Redis struct {
		Kind string `json:"kind"`
		Addr string `json:"addr"`
		PID  int    `json:"pid"`
	} `json:"redis"`
}

func (f *folder) status() status {
	f.Helper()
	return f.statusOf("status")
}

// statusOf is status where the target has another name.
func (f *folder) statusOf(target string) (s status) {
	f.Helper()
	r := f.exits(0, target, "-json")
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		f.Fatalf("status -json: %v: %s", err, r.out)
	}
	return s
}

// until looks into Redis until the folder's last job is as wanted. There must be one.
func (f *folder) until(what string, wanted func(protocol.Status) bool) (s protocol.Status) {
	f.Helper()
	job := f.job()
	f.await(what, func() bool {
		var err error
		s, err = protocol.StatusOf(f.Context(), f.rdb, job)
		return err == nil && wanted(s)
	})
	return s
}

// begun starts a job of slow texts, and returns when some are counted and others in somebody's hands.
func (f *folder) begun(flags ...string) *process {
	f.Helper()
	p := f.start(append([]string{"run"}, flags...)...)
	p.says("workers:spawn ")
	f.until("tasks done and others in work", func(s protocol.Status) bool { return s.Mapped > 0 && s.Pending() > 0 })
	return p
}

// heldUp is begun, and then stops its workers, so that the job stays as it is until letGo.
func (f *folder) heldUp(flags ...string) *process {
	f.Helper()
	p := f.begun(flags...)
	for {
		p.team(syscall.SIGSTOP)
		s := f.status()
		switch {
		case s.Phase != "map":
			f.Fatalf("it was too late to hold the job up: %+v", s)
		case s.Tasks.Pending > 0:
			return p
		}
		// All were between a commit and the next read.
		p.team(syscall.SIGCONT)
		f.until("a task in work", func(s protocol.Status) bool { return s.Pending() > 0 || s.Phase != "map" })
	}
}

// letGo ends the workers that were stopped: those that take their places soon have the job done.
func (p *process) letGo() {
	p.Helper()
	p.team(syscall.SIGKILL)
}

// job is the folder's last job, as its keys are named.
func (f *folder) job() protocol.Job {
	f.Helper()
	plan, err := state.Folder{Dir: f.state()}.Last()
	check.Must(f, err)
	return plan.Job
}

// alive tells whether a process has not ended. A zombie that nobody waits for has.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	// The state and the number of threads, by proc(5). A zombie whose other threads still end has its ports and files.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	return fields[0] != "Z" || fields[17] != "1"
}

// gone waits until processes have ended.
func (f *folder) gone(pids ...int) {
	f.Helper()
	f.await(fmt.Sprintf("processes %v end", pids), func() bool { return !slices.ContainsFunc(pids, alive) })
}

// private starts a Redis that no state folder knows of, configured like this, and makes the folder use it.
func (f *folder) private(conf, password string) {
	f.Helper()
	free, err := redisd.FreePort()
	check.Must(f, err)
	dir := f.TempDir()
	conf = fmt.Sprintf("port %d\nbind 127.0.0.1\nrequirepass %s\nsave \"\"\nlogfile log\n%s\n", free, password, conf)
	check.Must(f, os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600))
	cmd := exec.Command(f.server.Program, "conf")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LD_LIBRARY_PATH="+f.server.Libs)
	cmd.ExtraFiles = []*os.File{f.leash}
	check.Must(f, cmd.Start())
	f.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr := "127.0.0.1:" + strconv.Itoa(free)
	rdb := redis.NewClient(&redis.Options{Addr: addr, Password: password, MaxRetries: -1})
	f.Cleanup(func() { rdb.Close() })
	f.await("the private Redis answers", func() bool { return rdb.Ping(f.Context()).Err() == nil })
	f.rdb = rdb
	f.use("redis://:"+password+"@"+addr, "")
}

// workers waits until both workers of a job have told of themselves, and returns their names.
func (f *folder) workers() (names []string) {
	f.Helper()
	s := f.until("both workers have told of themselves", func(s protocol.Status) bool { return len(s.Workers) == 2 })
	for name := range s.Workers {
		names = append(names, name)
	}
	return names
}
