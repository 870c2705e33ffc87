package redisfn

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Function is the full name of one of the library's functions, if the library follows the
// convention that its own name comes first: "counter_1" has "counter_1_add". Functions of all
// libraries on a server share one space of names.
func (l Library) Function(name string) string { return l.Name + "_" + name }

// Call calls a function of the library (FCALL). The command that comes back has the reply in every
// shape that go-redis knows: Int64, Text, Slice and so on.
//
// All keys must be on one node of a Cluster: give them one {hash tag}.
//
// If the server doesn't know the function, Call loads the library and calls again, once. That can't
// be done inside a pipeline: call FCall there, within Have.
func (l Library) Call(ctx context.Context, c Client, function string, keys []string, args ...any) *redis.Cmd {
	return l.call(ctx, c, c.FCall, function, keys, args)
}

// CallRO is Call for a function that was registered with the flag no-writes (FCALL_RO).
func (l Library) CallRO(ctx context.Context, c Client, function string, keys []string, args ...any) *redis.Cmd {
	return l.call(ctx, c, c.FCallRO, function, keys, args)
}

type fcall func(ctx context.Context, function string, keys []string, args ...any) *redis.Cmd

func (l Library) call(ctx context.Context, c Client, fcall fcall, function string, keys []string, args []any) (cmd *redis.Cmd) {
	err := l.Have(ctx, c, func() error {
		cmd = fcall(ctx, function, keys, args...)
		return cmd.Err()
	})
	if isUnknownFunction(err) {
		err = fmt.Errorf("redisfn: library %s has no function %s: %w", l.Name, function, err)
	}
	cmd.SetErr(err)
	return cmd
}

// Have does something that needs the library, such as a transaction with an FCALL in it. If the
// server doesn't know the function, Have loads the library and does it again, once, so the whole
// transaction must be safe to repeat.
func (l Library) Have(ctx context.Context, c Client, do func() error) error {
	err := do()
	if !isUnknownFunction(err) {
		return err
	}
	if _, err := l.Load(ctx, c); err != nil {
		return err
	}
	return do()
}

// isUnknownFunction looks for the server's words, because the error has no code of its own.
func isUnknownFunction(err error) bool {
	return redis.HasErrorPrefix(err, "Function not found")
}
