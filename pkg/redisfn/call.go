package redisfn

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Call runs a function of the library (FCALL). The command that comes back has
// the reply in every shape that go-redis knows: Int64, Text, Slice and so on.
//
// On a Cluster all keys must be on one node: give them one {hash tag}.
//
// If the server doesn't know the function, the library is loaded and the call
// repeated, once. Inside a pipeline that can't be: call FCall there, within Have.
func (l Library) Call(ctx context.Context, c redis.UniversalClient, function string, keys []string, args ...any) *redis.Cmd {
	return l.call(ctx, c, c.FCall, function, keys, args)
}

// CallRO runs a function that was registered with the flag no-writes (FCALL_RO).
// Else it is as Call.
func (l Library) CallRO(ctx context.Context, c redis.UniversalClient, function string, keys []string, args ...any) *redis.Cmd {
	return l.call(ctx, c, c.FCallRO, function, keys, args)
}

type fcall func(ctx context.Context, function string, keys []string, args ...any) *redis.Cmd

func (l Library) call(ctx context.Context, c redis.UniversalClient, fcall fcall, function string, keys []string, args []any) (cmd *redis.Cmd) {
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

// Have does what needs the library, such as a transaction with an FCALL in it.
// If the server doesn't know the function, the library is loaded and all of it
// is done again, once: whatever else is in the transaction must bear that.
func (l Library) Have(ctx context.Context, c redis.UniversalClient, do func() error) error {
	err := do()
	if !isUnknownFunction(err) {
		return err
	}
	if _, err := l.Load(ctx, c); err != nil {
		return err
	}
	return do()
}

// isUnknownFunction relies on the server's words, as there is no code for it.
func isUnknownFunction(err error) bool {
	return redis.HasErrorPrefix(err, "Function not found")
}
