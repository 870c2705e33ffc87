package history

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// hook records the calls of one client.
type hook struct{ r *Recorder }

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.record([]redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h.record(cmds, func() error { return next(ctx, cmds) })
	}
}

// record does something that sends commands. If the protocol knows one of them, all together are
// recorded as one call.
func (h hook) record(cmds []redis.Cmder, do func() error) error {
	for _, cmd := range cmds {
		call, known := callOf(cmd)
		if !known {
			continue
		}
		n, err := h.r.begin(call)
		if err != nil {
			cmd.SetErr(err)
			return err
		}
		err = do()
		own := err
		var reply redis.Error
		if len(cmds) > 1 && (cmd.Err() != nil || errors.As(err, &reply)) {
			own = cmd.Err() // the reply may be to another command
		}
		h.r.end(n, outcome(cmd, own))
		return err
	}
	return do()
}

// outcome is the second line of a call. err is the error of its command.
func outcome(cmd redis.Cmder, err error) (c Call) {
	var reply redis.Error
	var link *net.OpError
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		c.Answer = answerOf(cmd)
	case errors.As(err, &reply), errors.As(err, &link) && link.Op == "dial",
		errors.Is(err, redis.ErrClosed), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		c.Refused = err.Error()
	default:
		c.Lost = err.Error()
	}
	return c
}
