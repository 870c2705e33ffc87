package worker

import (
	"errors"
	"fmt"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

func TestAWorkerThatRedisStaysAwayFromIsNotRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{retry.Unreachable(retry.ErrImpatient, errors.New("dial tcp: connection refused")), 1},
		{protocol.Classify(errors.New("some mistake")), 1},
		{fmt.Errorf("%w: an option", protocol.ErrInput), 1},
		{fmt.Errorf("leave: %w", fmt.Errorf("%w: NOPERM", protocol.ErrRedis)), ExitRefused},
		{fmt.Errorf("%w: torn", protocol.ErrState), ExitState},
		{fmt.Errorf("%w: too much", protocol.ErrBudget), ExitBudget},
	} {
		if got := ExitStatus(c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}
