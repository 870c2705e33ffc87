package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// sabotage is what a worker process does to itself around a command.
type sabotage struct {
	Command string // or function of the library
	Task    int    // only if the call is about this task; 0: any
	New     bool   // only a read that brought new tasks
	After   bool   // once the server has done it; else before it is sent
	Signal  syscall.Signal
	// Trace is a file that gets a line for each call of the command that came back.
	Trace string
	Stick bool // the call never comes back; Trace gets a line at once
}

const sabotageVariable = "WORDCOUNT_TEST_SABOTAGE"

func (s sabotage) environment() string {
	text, _ := json.Marshal(s) // plain fields can't fail
	return sabotageVariable + "=" + string(text)
}

// sabotageFromEnvironment does to this process what its starter wants.
func sabotageFromEnvironment(rdb redis.UniversalClient) error {
	text := os.Getenv(sabotageVariable)
	if text == "" {
		return nil
	}
	var s sabotage
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	var done atomic.Bool
	rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if wordcounttest.Called(cmd) != s.Command || s.Task != 0 && !about(cmd, s.Task) {
			return next(ctx, cmd)
		}
		if s.Stick {
			trace(s.Trace, "stuck\n")
			select {}
		}
		if !s.After && !done.Swap(true) {
			signalSelf(s.Signal)
		}
		err := next(ctx, cmd)
		if s.After && (!s.New || brought(cmd)) && !done.Swap(true) {
			signalSelf(s.Signal)
		}
		if s.Trace != "" {
			trace(s.Trace, fmt.Sprintln(cmd.(*redis.Cmd).Val(), err))
		}
		return err
	}))
	return nil
}

// about tells whether a commit is about a task. Its arguments: fcall, function, number of keys, the
// keys, run, number of tasks, tasks.
func about(cmd redis.Cmder, task int) bool {
	args := cmd.Args()
	at := 3 + args[2].(int) + 1
	for _, n := range args[at+1 : at+1+args[at].(int)] {
		if n == task {
			return true
		}
	}
	return false
}

// brought tells whether a read asked for new tasks, and not for the reader's own, and got some.
func brought(cmd redis.Cmder) bool {
	read, ok := cmd.(*redis.XStreamSliceCmd)
	args := cmd.Args()
	return ok && args[len(args)-1] == ">" && len(read.Val()) > 0
}

// signalSelf returns when the signal has had its effect, and, of a stop, when that is over.
func signalSelf(s syscall.Signal) {
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, syscall.SIGCONT)
	defer signal.Stop(goOn)
	syscall.Kill(os.Getpid(), s)
	<-goOn
}

func trace(path, line string) {
	if f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		defer f.Close()
		f.WriteString(line)
	}
}

// setConfig configures the test's own server.
func (r *rig) setConfig(name, value string) {
	r.tb.Helper()
	check.Must(r.tb, r.probe.ConfigSet(context.Background(), name, value).Err())
}
