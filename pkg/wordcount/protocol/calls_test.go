package protocol_test

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestCallsCountWhatAProcessAsksRedis(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	calls := new(protocol.Calls)
	calls.Attach(h.Client.Redis)
	ask := func(what string, trips, commits, failed int64, do func()) {
		t.Helper()
		before := calls.Counts()
		do()
		now := calls.Counts()
		if now.Trips-before.Trips != trips || now.Commits-before.Commits != commits || now.Failed-before.Failed != failed {
			t.Errorf("%s: %+v became %+v", what, before, now)
		}
		if (now.CommitSeconds > before.CommitSeconds) != (commits > 0) {
			t.Errorf("%s took %v s", what, now.CommitSeconds-before.CommitSeconds)
		}
	}
	h.Take("map", "w", wordcounttest.Tasks)
	ask("a status", 1, 0, 0, func() { h.Status() })
	commit := h.Counted(1)
	ask("a commit", 1, 1, 0, func() { h.Send(commit) })
	ask("a failure", 1, 0, 1, func() {
		_, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: 2}, "token", 3, protocol.Cause{Text: "why"})
		check.Must(t, err)
	})
	pipeline := func() {
		pipe := h.Client.Redis.Pipeline()
		pipe.Ping(t.Context())
		pipe.Ping(t.Context())
		pipe.Exec(t.Context())
	}
	pipeline() // on a new connection, which takes some requests to set up
	ask("a pipeline", 1, 0, 0, pipeline)
	ask("a commit that is refused by an error", 1, 0, 0, func() {
		if _, err := h.Client.Commit(t.Context(), "another run", commit); err == nil {
			t.Error("it is accepted")
		}
	})
	var none *protocol.Calls
	none.Attach(h.Client.Redis)
	if got := none.Counts(); got != (protocol.CallCounts{}) {
		t.Errorf("nobody counted %+v", got)
	}
}
