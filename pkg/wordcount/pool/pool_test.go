package pool

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

func TestTeamThatCannotStartIsNoTeam(t *testing.T) {
	t.Parallel()
	team := &Pool{
		Size: 2, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 },
		Command: func() *exec.Cmd { return exec.Command("/no such program") },
	}
	if err := team.Start(t.Context()); err == nil {
		t.Error("it started")
	}
	if pids := team.PIDs(); len(pids) != 0 {
		t.Errorf("workers %v are left", pids)
	}
}

func TestWorkersLastWordsAreReported(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	team := &Pool{
		Size: 1, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 }, Fail: func(err error) { failed <- err },
		Command: func() *exec.Cmd {
			return exec.Command("sh", "-c", "read spec; echo first >&2; echo out of luck >&2; exit 1")
		},
	}
	check.Must(t, team.Start(t.Context()))
	err := <-failed
	team.Stop()
	check.IsError(t, err, protocol.ErrIncomplete, "failed: out of luck", "10 in a row")
	if n := team.Restarts(); n != deathsWithoutProgress {
		t.Errorf("given up after %d deaths", n)
	}
}

// The instructions don't fit into a pipe, so the process ends while they are written.
func TestAWorkerThatEndsBeforeItHasReadItsInstructionsIsReplaced(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	team := &Pool{
		Size: 1, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 }, Fail: func(err error) { failed <- err },
		Worker:  worker.Spec{Store: strings.Repeat("long", 1<<18)},
		Command: func() *exec.Cmd { return exec.Command("sh", "-c", "exec <&-; exit 1") },
	}
	check.Must(t, team.Start(t.Context()))
	err := <-failed
	team.Stop()
	check.IsError(t, err, protocol.ErrIncomplete, "10 in a row")
	if n := team.Restarts(); n != deathsWithoutProgress {
		t.Errorf("given up after %d deaths", n)
	}
}

func TestAWorkerThatIsRefusedEndsTheJobAtOnceInItsWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		says   string
		class  error
		want   string
	}{
		{worker.ExitRefused, "Error: redis: NOPERM no", protocol.ErrRedis, "redis: NOPERM no"},
		{worker.ExitState, "job state: torn", protocol.ErrState, "job state: torn"},
		{1, "redis: no answer", protocol.ErrIncomplete, "10 in a row"},
		{2, "goroutine 1 [running]", protocol.ErrIncomplete, "10 in a row"},
	} {
		failed := make(chan error, 1)
		team := &Pool{
			Size: 1, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 }, Fail: func(err error) { failed <- err },
			Command: func() *exec.Cmd {
				return exec.Command("sh", "-c", `read spec; echo "$0" >&2; exit "$1"`, c.says, strconv.Itoa(c.status))
			},
		}
		check.Must(t, team.Start(t.Context()))
		err := <-failed
		team.Stop()
		check.IsError(t, err, c.class, c.want)
		if hopeless := !errors.Is(c.class, protocol.ErrIncomplete); hopeless && (err.Error() != c.want || team.Restarts() != 0) {
			t.Errorf("%q after %d restarts", err, team.Restarts())
		}
	}
}

func TestAHostWithoutTheStoreWaitsForOthers(t *testing.T) {
	t.Parallel()
	deserted, failed, told := make(chan error), make(chan error, 1), make(chan string, 9)
	team := func(size int) *Pool {
		return &Pool{
			Size: size, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 }, Fail: func(err error) { failed <- err },
			Events: func(e event.Event) {
				if e.Text != "" {
					told <- e.String()
				}
			},
			Command: func() *exec.Cmd {
				return exec.Command("sh", "-c", `read spec; echo "Error: no mark" >&2; exit "$0"`, strconv.Itoa(worker.ExitStore))
			},
			Deserted: func(ctx context.Context) error {
				select {
				case err := <-deserted:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}
	}
	for _, c := range []struct {
		found error
		class error
		want  string
	}{{nil, protocol.ErrIncomplete, "no mark"}, {protocol.ErrState, protocol.ErrState, ""}} {
		p := team(2)
		check.Must(t, p.Start(t.Context()))
		if said := <-told; !strings.Contains(said, "no mark") {
			t.Errorf("it says %q", said)
		}
		select {
		case err := <-failed:
			t.Errorf("it failed while others worked: %v", err)
		case deserted <- c.found:
		}
		check.IsError(t, <-failed, c.class, c.want)
		p.Stop()
		if len(told) > 0 || p.Restarts() != 0 {
			t.Errorf("%d more events, %d restarts", len(told), p.Restarts())
		}
	}
	p := team(1)
	check.Must(t, p.Start(t.Context()))
	<-told
	p.Stop()
	alone := team(1)
	alone.Deserted = nil
	check.Must(t, alone.Start(t.Context()))
	check.IsError(t, <-failed, protocol.ErrIncomplete, "no mark")
	alone.Stop()
	if len(failed) > 0 {
		t.Errorf("a pool that was stopped failed: %v", <-failed)
	}
}

func TestWorkersThatDoNotListenAreKilled(t *testing.T) {
	t.Parallel()
	team := &Pool{
		Size: 2, Log: wordcounttest.Log{TB: t}, Progress: func() int64 { return 0 }, Fail: func(error) {},
		Command: func() *exec.Cmd { return exec.Command("sh", "-c", "exec sleep 3600") }, // which takes no names
	}
	check.Must(t, team.Start(t.Context()))
	if n := len(team.PIDs()); n != 2 {
		t.Errorf("%d workers", n)
	}
	team.Stop()
	if n := len(team.PIDs()); n != 0 {
		t.Errorf("%d workers are left", n)
	}
	team.Stop() // once more is no harm
}

func TestLastLineIsTheLastThatSaysSomething(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		written []string
		want    string
	}{
		{nil, ""},
		{[]string{"one\n"}, "one"},
		{[]string{"one\ntwo\n\n"}, "two"},
		{[]string{"one\n", "\n", ""}, "one"},
		{[]string{"one\n", "a longer one\n", "x\n"}, "x"},
	} {
		var l lastLine
		for _, text := range c.written {
			if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if l.String() != c.want {
			t.Errorf("of %q it remembers %q", c.written, l.String())
		}
	}
	if got := exitReason(errors.New("broken"), &lastLine{}); got != "failed: broken" {
		t.Errorf("%q", got)
	}
}
