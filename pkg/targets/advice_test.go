package targets_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// logs is the input that these tests name, and options that aren't the defaults. What is counted by default has other
// words, so that nobody takes one for the other.
var logs = []string{"-input=logs", "-reducers=0"}

// logTexts writes slow texts into logs, and another one where the default is.
func (f *folder) logTexts(n int) {
	f.Helper()
	f.slowTexts(n)
	check.Must(f, os.Rename(filepath.Join(f.dir, "data"), filepath.Join(f.dir, "logs")))
	f.write("data/other.txt", "this is what nobody has named")
}

// run runs the job of logs to its end.
func (f *folder) run() {
	f.Helper()
	f.exits(0, append([]string{"run"}, logs...)...)
}

// Each failure is provoked in a job that names its input, then the advised command is typed as the message has it. It
// must bring the counts of that input.
func TestTheCommandThatAnErrorAdvisesCountsTheInputOfTheJobThatFailed(t *testing.T) {
	own := func(t *testing.T) *folder { return newFolder(t) }
	guest := func(t *testing.T) *folder { return newFolder(t).guest() }
	for name, c := range map[string]struct {
		where  func(*testing.T) *folder
		fails  func(f *folder) result // the job that names its input
		says   string
		mend   func(f *folder)
		typed  string // the advised command
		resume bool   // it is the same job
	}{
		"a task was given up": {own, func(f *folder) result {
			f.write("logs/long.txt", strings.Repeat("x", count.MaxWord+1))
			return f.exits(5, append([]string{"run"}, logs...)...)
		}, "WORDCOUNT_EXCLUDE any by name; then run again", func(f *folder) {
			f.write("logs/long.txt", "short")
		}, "run", false},

		"a file is away for a while": {own, func(f *folder) result {
			p := f.heldUp(logs...)
			check.Must(f, os.Rename(filepath.Join(f.dir, "logs", "text 019.txt"), filepath.Join(f.dir, "away")))
			p.letGo()
			return p.exits(5)
		}, "to count what it is now: {mage} requeue run", func(f *folder) {
			check.Must(f, os.Rename(filepath.Join(f.dir, "away"), filepath.Join(f.dir, "logs", "text 019.txt")))
		}, "requeue run", true},

		"a file changes before it is counted": {own, func(f *folder) result {
			p := f.heldUp(logs...)
			f.write("logs/text 019.txt", "shorter")
			p.letGo()
			return p.exits(5)
		}, "to count what it is now: {mage} requeue run", nil, "requeue run", false},

		"a file changes after it was counted": {own, func(f *folder) result {
			p := f.begun(logs...)
			p.signal(syscall.SIGSTOP)
			f.until("all is counted", func(s protocol.Status) bool { return s.Phase == "done" })
			f.write("logs/text 000.txt", "shorter")
			p.signal(syscall.SIGCONT)
			return p.exits(5)
		}, "during the run: run again to count what it is now", nil, "run", false},

		"Ctrl-C": {own, func(f *folder) result {
			p := f.heldUp(logs...)
			p.signal(os.Interrupt)
			p.letGo()
			return p.exits(130)
		}, "interrupted: run again to resume", nil, "run", true},

		"verify before the seal": {own, func(f *folder) result {
			p := f.heldUp(logs...)
			p.signal(syscall.SIGKILL)
			p.exits(-1)
			p.letGo()
			return f.exits(5, "verify")
		}, "is not sealed: {mage} run", nil, "run", true},

		"a file changes after the seal": {own, func(f *folder) result {
			f.run()
			f.write("logs/text 000.txt", "shorter")
			return f.exits(2, "verify")
		}, "isn't what was counted: its size was ", nil, "run", false},

		"the result is lost": {own, func(f *folder) result {
			f.run()
			check.Must(f, f.rdb.Del(f.Context(), f.job().Key("counts")).Err())
			return f.exits(3, "top")
		}, "{mage} clean run", nil, "clean run", true},

		"the result was changed": {own, func(f *folder) result {
			f.run()
			check.Must(f, f.rdb.ZAdd(f.Context(), f.job().Key("counts"), redis.Z{Member: "theirs", Score: 1}).Err())
			return f.exits(4, "run")
		}, "delete the job with clean, then run again", nil, "clean run", true},

		"somebody else's key": {own, func(f *folder) result {
			f.run()
			job := f.job()
			f.exits(0, "clean")
			check.Must(f, f.rdb.Set(f.Context(), job.Key("counts"), "theirs", 0).Err())
			return f.exits(4, append([]string{"run"}, logs...)...)
		}, "delete the job with clean", nil, "clean run", true},

		"clean": {own, func(f *folder) result {
			f.run()
			f.exits(0, "clean")
			return f.exits(2, "verify")
		}, "no job was run in this folder yet: {mage} run", nil, "run", true},

		"another kind of server": {own, func(f *folder) result {
			p := f.heldUp(logs...)
			p.signal(os.Interrupt)
			p.letGo()
			p.exits(130)
			f.set("WORDCOUNT_REDIS_KIND", "container")
			return f.exits(3, append([]string{"run"}, logs...)...)
		}, "end it with redis:stop first", func(f *folder) {
			f.exits(0, "redis:stop")
			f.set("WORDCOUNT_REDIS_KIND", string(f.server.Kind))
		}, "run", true},

		"the budget": {guest, func(f *folder) result {
			f.set("WORDCOUNT_REDIS_MEMORY", "1KiB")
			return f.exits(3, append([]string{"run"}, logs...)...)
		}, "raise WORDCOUNT_REDIS_MEMORY and run again to resume", func(f *folder) {
			f.set("WORDCOUNT_REDIS_MEMORY", "64MiB")
		}, "run", true},

		"a full server": {guest, func(f *folder) result {
			p := f.heldUp(logs...)
			check.Must(f, f.rdb.ConfigSet(f.Context(), "maxmemory", "1").Err())
			p.letGo()
			return p.exits(3)
		}, "more memory, then run again to resume", func(f *folder) {
			check.Must(f, f.rdb.ConfigSet(f.Context(), "maxmemory", "0").Err())
		}, "run", true},

		"another build's functions": {guest, func(f *folder) result {
			p := f.heldUp(logs...)
			p.signal(syscall.SIGKILL)
			p.exits(-1)
			p.letGo()
			theirs := redisfn.MustParse("#!lua name=" + protocol.Library.Name + "\nredis.register_function('something', function() return 1 end)\n")
			check.Must(f, f.rdb.FunctionDelete(f.Context(), protocol.Library.Name).Err())
			check.Must(f, f.rdb.FunctionLoad(f.Context(), theirs.Source).Err())
			return f.exits(4, append([]string{"run"}, logs...)...)
		}, "{mage} functions:load -replace", nil, "functions:load -replace run", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.where(t)
			f.logTexts(20)
			failed := c.fails(f)
			contains(t, failed.err, strings.ReplaceAll(c.says, "{mage}", f.program))
			job := ""
			if plan, err := (state.Folder{Dir: f.state()}).Last(); err == nil {
				job = plan.Job.ID
			}
			if c.mend != nil {
				c.mend(f)
			}
			f.set("WORDCOUNT_FAULTS", "")
			r := f.exits(0, strings.Fields(c.typed)...)
			contains(t, r.err, "going on with the last run: WORDCOUNT_INPUT=logs WORDCOUNT_REDUCERS=0; name an input to count another\n")
			if now := f.job(); job != "" && (now.ID == job) != c.resume || now.Reducers != 0 {
				t.Errorf("job %s went on as %+v", job, now)
			}
			f.exactIn("logs")
		})
	}
}

func TestARunThatNamesNoInputGoesOnWithTheLastOnes(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.logTexts(5)
	f.set("WORDCOUNT_FAULTS", "")
	const goesOn = "going on with the last run"
	lacks(t, f.exits(0, "run").err, goesOn) // there is none
	f.exact()
	lacks(t, f.exits(0, "run").err, goesOn) // it is the default
	f.run()
	f.exactIn("logs")

	// Every step, and after a change too.
	contains(t, f.exits(0, "run").err, "up to date")
	f.write("logs/new.txt", "new")
	contains(t, f.exits(0, "stream:seed").err, goesOn)
	f.exits(0, "run")
	f.exactIn("logs")

	// Where people can see it, and how they get rid of it.
	env := strings.Join(strings.Fields(f.exits(0, "env").out), " ")
	contains(t, env, "WORDCOUNT_INPUT logs the last run")
	contains(t, env, "WORDCOUNT_REDUCERS 0 the last run")
	f.exits(2, "run", "-input=no such folder")
	contains(t, f.exits(0, "run").err, "WORDCOUNT_INPUT=logs")
	f.exits(0, "run", "-input=data")
	lacks(t, f.exits(0, "run").err, goesOn)
	f.exact()
	if f.job().Reducers == 0 {
		t.Error("the reducers are still the ones of the other input")
	}
}

func TestAnInterruptionBeforeThereIsAJobPromisesNothing(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.logTexts(2)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(t, err)
	defer silent.Close()
	f.use("redis://"+silent.Addr().String(), "")
	p := f.start(append([]string{"run"}, logs...)...)
	conn, err := silent.Accept()
	check.Must(t, err)
	defer conn.Close()
	p.signal(os.Interrupt)
	if r := p.exits(130); !strings.HasSuffix(r.err, "\nError: interrupted\n") {
		t.Errorf("it says %s", r.err)
	}
}
