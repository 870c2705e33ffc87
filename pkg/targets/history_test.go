package targets_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
	allow "github.com/magereduce/magereduce/pkg/wordcount/history/check"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobRecordsWhatAllItsProcessesCallIfItIsAsked(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(5)
	dir := filepath.Join(t.TempDir(), "history")
	f.set(history.Variable, dir)
	f.exits(0, "run")
	calls, err := history.Load(dir)
	check.Must(t, err)
	by := map[string]string{} // function → a process that called it
	for _, c := range calls {
		by[c.Name] = c.Process
	}
	if by["seed"] == "" || by["commit"] == "" || by["seed"] == by["commit"] || by[history.Sealed] != by["seed"] {
		t.Errorf("%d calls are recorded, by %v", len(calls), by)
	}
	if verdict, err := allow.Folder(dir, time.Minute); err != nil || len(verdict.Undecided) > 0 {
		t.Errorf("%v, %v", verdict, err)
	}
}
