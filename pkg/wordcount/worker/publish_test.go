package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// publishing is a job that keeps one word, with all maps committed, and a worker that holds its
// partitions.
func publishing(t *testing.T, partitions int) (*hand, *Worker) {
	t.Helper()
	h := &hand{Job: wordcounttest.NewKeeping(t, partitions, 1)}
	h.Take("map", "other", wordcounttest.Tasks)
	h.MustCommit(1, 2, 3)
	w := h.doing("w", protocol.Reducing)
	check.Must(t, w.fetch(t.Context()))
	return h, w
}

// results are the result files that are there.
func (h *hand) results() []string {
	h.TB.Helper()
	paths, err := filepath.Glob(filepath.Join(h.Dir, h.Client.Job.ID, h.Run, "result", "*"))
	check.Must(h.TB, err)
	return paths
}

func TestEachPartitionHasAResultFileOfItsOwn(t *testing.T) {
	t.Parallel()
	h, w := publishing(t, 2)
	for reduced := 1; reduced <= 2; reduced++ {
		check.Must(t, w.reduce(t.Context()))
		h.Expect("one more is stored", func(st protocol.Status) bool { return st.Reduced == reduced })
		if n := len(h.results()); n != reduced {
			t.Errorf("there are %d result files", n)
		}
		if len(w.todo) == 0 {
			check.Must(t, w.fetch(t.Context()))
		}
	}
	files, _, err := h.Client.Results(t.Context(), h.Run)
	check.Must(t, err)
	check.Must(t, h.Outputs.CheckFiles(t.Context(), []shuffle.ResultFile{shuffle.ResultFile(files[0]), shuffle.ResultFile(files[1])}))
	if files[0].Words+files[1].Words != 3 || files[0].Tokens+files[1].Tokens != 6 {
		t.Errorf("%+v", files)
	}
	if got := h.Counts(); got != "" {
		t.Errorf("the sorted set has %s", got)
	}
}

func TestAResultFileThatNoJobNamesIsDeleted(t *testing.T) {
	t.Parallel()
	h, w := publishing(t, 1)
	stream := h.Client.Job.Key("reduce")
	h.Client.Redis.AddHook(wordcounttest.On(t, "put_files", 1, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		// A rollback takes the delivery of the task back.
		return errors.Join(h.Client.Redis.XAck(ctx, stream, "workers", "1-0").Err(),
			h.Client.Redis.XGroupSetID(ctx, stream, "workers", "0").Err(), next(ctx, cmd))
	}))
	check.Must(t, w.reduce(t.Context()))
	if left := h.results(); len(left) > 0 || len(w.todo) > 0 {
		t.Errorf("%v is left, and %v to do", left, w.todo)
	}
}

// The worker loses the answer to its call. It makes the same call again. The answer is now that the
// task is settled. That may be because of the first call, so the file must stay.
func TestAResultFileThatAJobMayNameStays(t *testing.T) {
	t.Parallel()
	h, w := publishing(t, 1)
	h.Client.Redis.AddHook(wordcounttest.On(t, "put_files", 1, wordcounttest.LoseReply))
	check.Must(t, w.reduce(t.Context()))
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done && st.Reduced == 1 })
	files, _, err := h.Client.Results(t.Context(), h.Run)
	check.Must(t, err)
	check.Must(t, h.Outputs.CheckFiles(t.Context(), []shuffle.ResultFile{shuffle.ResultFile(files[0])}))
	if len(w.todo) > 0 || len(h.results()) != 1 {
		t.Errorf("%v is to do; there are %v", w.todo, h.results())
	}
}

func TestFault74AResultThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	h, w := publishing(t, 1)
	check.Must(t, os.Remove(filepath.Join(h.Dir, h.Client.Job.ID, h.Run, "result")))
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	check.Must(t, w.absence.Wait(soon))
	for range 2 {
		check.IsError(t, w.reduce(t.Context()), shuffle.ErrHost, "folder is missing")
	}
	if w.absence == (retry.Backoff{}) {
		t.Error("it would try for ever")
	}
	h.Expect("no task is blamed", func(st protocol.Status) bool { return st.Reduced == 0 && st.Pending() == 1 && st.Troubles == 0 })
	check.Must(t, h.Outputs.PrepareResults())
	check.Must(t, w.reduce(t.Context()))
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done })
	if w.absence != (retry.Backoff{}) {
		t.Error("its patience is not renewed")
	}
}

func TestFault64TotalsBeyondMemoryAreOneResultFile(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 1, 1)
	check.Must(t, w.reduce(t.Context()))
	h.Expect("it is done", func(st protocol.Status) bool { return st.Phase == protocol.Done })
	files, _, err := h.Client.Results(t.Context(), h.Run)
	check.Must(t, err)
	check.Must(t, h.Outputs.CheckFiles(t.Context(), []shuffle.ResultFile{shuffle.ResultFile(files[0])}))
	if files[0].Words != manyWords || files[0].Tokens != manyWords {
		t.Errorf("%+v", files[0])
	}
	if there := h.results(); len(there) != 1 {
		t.Errorf("files of runs are left: %v", there)
	}
}

func TestFault73ALostRunOfTotalsIsTheHostsError(t *testing.T) {
	t.Parallel()
	h, w := beyondMemory(t, 1, 1)
	output := h.files()[0]
	totals, err := w.merger.Totals(t.Context(), w.outputs, w.run, partitionsOf(w.reducible()))
	check.Must(t, err)
	runs := slices.DeleteFunc(h.files(), func(path string) bool { return path == output })
	check.Must(t, os.Remove(runs[0]))
	_, err = w.publisher.write(totals)
	check.IsError(t, err, shuffle.ErrHost, "it is not there")
	if there := h.results(); len(there) > 0 {
		t.Errorf("%v", there)
	}
}
