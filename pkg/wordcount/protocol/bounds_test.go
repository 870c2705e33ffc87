package protocol_test

import (
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestFault62NumbersThatNoJobHasAreRefused(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	h.Finish()
	h.Fence()
	rdb, job := h.Client.Redis, h.Client.Job
	key := job.Key("meta")
	for field, values := range map[string][]string{
		"reducers": {"1152921504606846976", "4097", "-1", "1e3"},
		"reduced":  {"1152921504606846976", "-1"},
		"maps":     {"1152921504606846976", "-1"},
		"mapped":   {"1152921504606846976", "-1"},
		"tokens":   {"1152921504606846976", "-1"},
		"bytes":    {"1152921504606846976", "-1", "1e400"},
		"revoked":  {"1152921504606846976", "-1"},
		"troubles": {"-1", "many"},
		"taken":    {"-1"},
	} {
		before, err := rdb.HGet(t.Context(), key, field).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		for _, value := range values {
			check.Must(t, rdb.HSet(t.Context(), key, field, value).Err())
			_, err := protocol.StatusOf(t.Context(), rdb, job)
			check.IsError(t, err, protocol.ErrState, field, `"`+value+`"`)
		}
		if before == "" {
			check.Must(t, rdb.HDel(t.Context(), key, field).Err())
		} else {
			check.Must(t, rdb.HSet(t.Context(), key, field, before).Err())
		}
	}
	if _, err := protocol.StatusOf(t.Context(), rdb, job); err != nil {
		t.Errorf("with its own numbers: %v", err)
	}
}
