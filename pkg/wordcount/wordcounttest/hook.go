package wordcounttest

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Hook stands between a client and its server.
type Hook func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

// DialHook leaves dialling as it is.
func (h Hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook takes a transaction for the function that it calls.
func (h Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "fcall" {
				return h(ctx, cmd, func(ctx context.Context, _ redis.Cmder) error { return next(ctx, cmds) })
			}
		}
		return next(ctx, cmds)
	}
}

// ProcessHook is the hook itself.
func (h Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return h(ctx, cmd, next) }
}

// Called is the name of a command, or of the library's function that it calls.
func Called(cmd redis.Cmder) string {
	name := cmd.Name()
	if args := cmd.Args(); (name == "fcall" || name == "fcall_ro") && len(args) > 1 {
		var schema int
		fmt.Sscanf(fmt.Sprint(args[1]), "wordcount_%d_%s", &schema, &name)
	}
	return name
}

// On is a hook for the nth call (from 1) of a command, or of a function of the library. The test
// fails if that call never comes.
func On(tb testing.TB, command string, nth int, do Hook) Hook {
	tb.Helper()
	struck := await(tb, command, nth)
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if Called(cmd) == command && struck() {
			return do(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}
}

// Answered is a hook for the nth time (from 1) that a command was done and answered. What do
// returns is the client's answer. The test fails if that time never comes.
func Answered(tb testing.TB, command string, nth int, do func() error) Hook {
	tb.Helper()
	struck := await(tb, command, nth)
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if Called(cmd) == command && err == nil && struck() {
			return do()
		}
		return err
	}
}

// await returns a function that counts commands, and reports whether one is the nth. A test in
// which nothing went wrong shows nothing, so it fails at its end.
func await(tb testing.TB, command string, nth int) (struck func() bool) {
	tb.Helper()
	var seen atomic.Int32
	tb.Cleanup(func() {
		if n := int(seen.Load()); n < nth && !tb.Skipped() {
			tb.Errorf("%s %d never came, so nothing went wrong there: there were %d", command, nth, n)
		}
	})
	return func() bool { return int(seen.Add(1)) == nth }
}

// ErrLost is what a client sees of a link that broke.
var ErrLost = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// LoseReply lets the server do what it is asked, and keeps the answer from the client.
func LoseReply(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if err := next(ctx, cmd); err != nil {
		return err
	}
	return ErrLost
}
