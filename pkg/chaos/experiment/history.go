package experiment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/history/check"
)

// decideWithin bounds the search for one object of a history.
const decideWithin = 30 * time.Second

// Histories are those of the jobs that an experiment starts. Nil records nothing.
type Histories struct {
	Dir      string // an absolute path; each job has a folder in it
	Keep     bool   // also keeps the histories that are allowed
	Recorder *history.Recorder

	jobs      int  // recorded so far
	forbidden bool // the history of the last one
}

// NewHistories makes a folder for the histories of jobs. If the environment names a folder, the new one
// is in that, and stays. Otherwise it is temporary.
func NewHistories() (*Histories, error) {
	parent := os.Getenv(history.Variable)
	dir, err := os.MkdirTemp(parent, "histories-*")
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	return &Histories{Dir: dir, Keep: parent != "", Recorder: &history.Recorder{}}, err
}

// folder is that of the n-th job, from 1.
func (h *Histories) folder(n int) string { return filepath.Join(h.Dir, strconv.Itoa(n)) }

// next lets this process record the next job. It is called before the last job is deleted.
func (h *Histories) next() error {
	if h == nil {
		return nil
	}
	h.jobs++
	return h.Recorder.Turn(h.folder(h.jobs))
}

// environment is what a process that runs the job gets.
func (h *Histories) environment() []string {
	if h == nil || h.jobs == 0 {
		return nil
	}
	return []string{history.Variable + "=" + h.folder(h.jobs)}
}

// check checks the history of a job that has ended. If it is not allowed, say gets a report, and
// the folder stays.
func (h *Histories) check(say func(format string, args ...any)) (verdict check.Verdict, err error) {
	if h == nil || h.jobs == 0 {
		return check.Verdict{}, nil
	}
	calls, err := h.calls()
	if err == nil {
		verdict, err = check.Calls(calls, decideWithin)
	}
	if errors.Is(err, check.ErrForbidden) {
		h.forbidden = true
		for line := range strings.Lines(err.Error()) {
			say("%s", strings.TrimSuffix(line, "\n"))
		}
		return verdict, fmt.Errorf("%w: the protocol forbids the history in %s: please report this", wordcount.ErrState, h.folder(h.jobs))
	}
	if err == nil && !h.Keep {
		err = os.RemoveAll(h.folder(h.jobs - 1))
	}
	return verdict, err
}

// Discard deletes the histories, unless they are to be kept or one is not allowed.
func (h *Histories) Discard() error {
	if h == nil || h.Keep || h.forbidden {
		return nil
	}
	h.Recorder.Turn("")
	return os.RemoveAll(h.Dir)
}

// calls are those of the last job, and the late ones of the job before: a worker lives for a moment
// longer than its killed supervisor, and may still have called when the last job had begun.
func (h *Histories) calls() ([]*history.Call, error) {
	calls, err := history.Load(h.folder(h.jobs))
	if err != nil || len(calls) == 0 {
		return nil, err
	}
	earlier, err := history.Load(h.folder(h.jobs - 1))
	if err != nil {
		return nil, err
	}
	var late []*history.Call
	for _, c := range earlier {
		if !c.Known() || c.End >= calls[0].Start {
			late = append(late, c)
		}
	}
	return append(late, calls...), nil
}
