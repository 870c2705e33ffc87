package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// hook stands between a client and its server.
type hook func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook takes a transaction for the function that it calls.
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "fcall" {
				return h(ctx, cmd, func(ctx context.Context, _ redis.Cmder) error { return next(ctx, cmds) })
			}
		}
		return next(ctx, cmds)
	}
}

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return h(ctx, cmd, next) }
}

// on is a hook for the nth call (from 1) of a command, or of a function of the library.
func on(command string, nth int, do hook) hook {
	var seen atomic.Int32
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if called(cmd) == command && int(seen.Add(1)) == nth {
			return do(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// called is the name of a command, or of the library's function that it calls.
func called(cmd redis.Cmder) string {
	name := cmd.Name()
	if args := cmd.Args(); (name == "fcall" || name == "fcall_ro") && len(args) > 1 {
		var schema int
		fmt.Sscanf(fmt.Sprint(args[1]), "wordcount_%d_%s", &schema, &name)
	}
	return name
}

// errLost is what a client sees of a link that broke.
var errLost = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// answered is a hook for the nth time (from 1) that a command was done and answered; what do returns is the client's
// answer.
func answered(command string, nth int, do func() error) hook {
	var seen atomic.Int32
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if called(cmd) == command && err == nil && int(seen.Add(1)) == nth {
			return do()
		}
		return err
	}
}

// loseReply lets the server do what it is asked, and keeps the answer from the client.
func loseReply(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if err := next(ctx, cmd); err != nil {
		return err
	}
	return errLost
}

// loseCommand keeps the command from the server.
func loseCommand(context.Context, redis.Cmder, redis.ProcessHook) error { return errLost }

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
	rdb.AddHook(hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if called(cmd) != s.Command || s.Task != 0 && !about(cmd, s.Task) {
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

// about tells whether a commit is about a task. Its arguments: fcall, function, number of keys, the keys, run, number
// of tasks, tasks.
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
	must(r.tb, r.probe.ConfigSet(context.Background(), name, value).Err())
}
