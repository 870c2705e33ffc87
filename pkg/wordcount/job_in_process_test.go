package wordcount

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

func TestAJobInThisProcessIsExactThoughRedisIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := redistest.StartIn(t, filepath.Join(dir, "state"))
	for name, text := range check.Texts(40, 30) {
		check.Must(t, os.MkdirAll(filepath.Join(dir, "texts"), 0o755))
		check.Must(t, os.WriteFile(filepath.Join(dir, "texts", name), []byte(text), 0o600))
	}
	var killed atomic.Bool
	job, err := Open(t.Context(), Config{
		Dir: filepath.Join(dir, "state"), Inputs: []string{filepath.Join(dir, "texts")}, InProcess: true, Workers: 2,
		Options: plan.Options{Split: 100, Reducers: 3}, Checkpoint: 20 * time.Millisecond,
		Server: redisd.Config{Kind: server.Kind},
		Seen: func(st Status) {
			if st.Mapped > 0 && !killed.Swap(true) {
				server.Kill(t)
			}
		},
	})
	check.Must(t, err)
	defer func() { check.Must(t, job.Close()) }()
	result, err := job.Run(t.Context())
	check.Must(t, err)
	truth, err := result.Recount(t.Context(), Share{}, func(int64) {})
	check.Must(t, err)
	verdict, err := result.Compare(t.Context(), truth, Share{})
	check.Must(t, err)
	if !killed.Load() || !verdict.Exact() || verdict.Distinct == 0 {
		t.Errorf("redis was killed: %v; %+v", killed.Load(), verdict)
	}
	again, err := job.Run(t.Context())
	if err != nil || again.Fence != result.Fence {
		t.Errorf("a second run gives %+v, %v, and not the published result", again, err)
	}
}

func TestOpenRefusesWorkersThatNothingCouldStart(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), Config{Dir: t.TempDir()}); !errors.Is(err, ErrNoMain) {
		t.Errorf("without Main: %v", err)
	}
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	if _, err := Open(t.Context(), Config{Dir: t.TempDir(), Client: client}); !errors.Is(err, ErrInput) {
		t.Errorf("a client for other processes: %v", err)
	}
}

func TestOpenRefusesFaultsThatWorkersCannotHave(t *testing.T) {
	t.Parallel()
	c := Config{Dir: t.TempDir(), InProcess: true, Workers: 2, Faults: make([]worker.Faults, 3)}
	_, err := Open(t.Context(), c)
	check.IsError(t, err, ErrInput, "3 faults for 2 workers")
	c.Workers = 3
	_, err = Open(t.Context(), c)
	check.IsError(t, err, ErrInput, "faults need worker processes")
}
