package protocol

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestFault62AnAttemptThatHasComeToLessThanNothingIsRefused(t *testing.T) {
	cmd := redis.NewCmd(t.Context())
	cmd.SetVal([]any{"at", int64(-1)})
	_, err := parseProgress(cmd)
	check.IsError(t, err, ErrState, "-1")
}
