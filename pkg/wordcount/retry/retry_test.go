package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestPersistGoesOnWhileRedisIsInTheWay(t *testing.T) {
	t.Parallel()
	tries, revivals := 0, 0
	err := Do(t.Context(), func(context.Context) error {
		revivals++
		return io.EOF // it may fail as well
	}, func() error {
		if tries++; tries < 3 {
			return io.EOF
		}
		return nil
	})
	if err != nil || tries != 3 || revivals != 2 {
		t.Errorf("%d tries, %d revivals: %v", tries, revivals, err)
	}
}

func TestPersistGivesUpWhatAnotherAttemptCannotMend(t *testing.T) {
	t.Parallel()
	for _, hopeless := range []error{protocol.ErrState, fmt.Errorf("%w: no", protocol.ErrRedis), &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}} {
		tries := 0
		err := Do(t.Context(), func(context.Context) error { return nil }, func() error {
			tries++
			return hopeless
		})
		if !errors.Is(err, hopeless) || tries != 1 {
			t.Errorf("%v: %d tries, then %v", hopeless, tries, err)
		}
		tries = 0
		err = Do(t.Context(), func(context.Context) error { return protocol.ErrRedis }, func() error {
			tries++
			return io.EOF
		})
		if !errors.Is(err, protocol.ErrRedis) || tries != 1 {
			t.Errorf("a server that can't be revived: %d tries, then %v", tries, err)
		}
	}
}

func TestPersistEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := Do(ctx, func(context.Context) error { return nil }, func() error {
		cancel()
		return io.EOF
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}
