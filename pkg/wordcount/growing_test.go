package wordcount

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// growingRig is a job over files that may grow. Where they end when the job is planned there is half a word, half a white
// space and nothing at all.
func growingRig(t *testing.T, o Options) *rig {
	t.Helper()
	files := texts(5, 10)
	files["half a word"] = "some wor"
	files["half a space"] = "some word\u3000"[:len("some word")+2]
	files["nothing"] = ""
	r := newRig(t, files)
	o.Growing = true
	r.prepare(o)
	return r
}

// grow makes all files of the job larger.
func (r *rig) grow() {
	r.tb.Helper()
	for _, f := range r.plan.Manifest.Files {
		must(r.tb, appendTo(f.Path, "ds \u3000 more words"))
	}
}

func TestFault44FilesThatMayGrowAreCountedUpToTheirPlannedSize(t *testing.T) {
	t.Parallel()
	for what, grow := range map[string]func(r *rig){
		"before they are read": (*rig).grow,
		"after they were read": func(r *rig) { r.whenSeen(inPhase("done"), func(Status) { r.grow() }) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, o Options) {
				r := growingRig(t, o)
				grow(r)
				sealed := r.finishExactly()
				r.grow()
				verdict, err := verify(t.Context(), r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{}, func(int64) {})
				must(t, err)
				if !verdict.Exact() || verdict.Distinct != sealed.Distinct {
					t.Errorf("verify says %+v of %+v", verdict, sealed)
				}
			})
		})
	}
}

// Somebody writes all the time, from before the first task is read until after the last one is.
func TestFault44FilesThatGrowAllTheTimeAreCountedUpToTheirPlannedSize(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(20, 30))
		o.Growing = true
		r.faults = "slow=20ms:2"
		r.prepare(o)
		path := r.plan.Manifest.Files[19].Path
		var grown atomic.Int64
		stop, stopped := make(chan struct{}), make(chan error)
		go func() {
			var err error
			for err == nil {
				select {
				case <-stop:
					stopped <- err
					return
				default:
					err = appendTo(path, "more wor")
					grown.Add(1)
				}
			}
			stopped <- err
		}()
		u := r.start()
		u.until("it grows", func() bool { return grown.Load() > 1 })
		u.exactly()
		close(stop)
		must(t, <-stopped)
	})
}

func TestFault44AFileThatGrowsWithoutLeaveEndsTheRunNamingTheOption(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(5, 10))
		r.prepare(o)
		path := r.plan.Manifest.Files[3].Path
		must(t, appendTo(path, "more"))
		r.finishFailing(ErrIncomplete, strconv.Quote(path), "WORDCOUNT_GROWING=planned")
		r.prepare(o)
		r.whenSeen(inPhase("done"), func(Status) { must(t, appendTo(path, "more")) })
		r.finishFailing(ErrIncomplete, strconv.Quote(path), "WORDCOUNT_GROWING=planned")
		o.Growing = true
		r.prepare(o)
		must(t, appendTo(path, "more"))
		r.finishExactly()
	})
}

func TestFault44FileThatMayGrowEndsTheRunIfItChangesOtherwise(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(path string) error{
		"shrinks":      func(path string) error { return os.Truncate(path, 10) },
		"is emptied":   func(path string) error { return os.Truncate(path, 0) },
		"is rewritten": func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"vanishes":     os.Remove,
		"is replaced by a larger one": func(path string) error {
			larger := filepath.Join(filepath.Dir(path), "larger")
			if err := os.WriteFile(larger, []byte(strings.Repeat("larger ", 1000)), 0o644); err != nil {
				return err
			}
			return os.Rename(larger, path)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for _, o := range bothModes {
				r := growingRig(t, o)
				path := r.plan.Manifest.Files[3].Path
				must(t, change(path))
				r.finishFailing(ErrIncomplete, strconv.Quote(path), "mage requeue run")
			}
			r := growingRig(t, bothModes[0])
			path := r.plan.Manifest.Files[3].Path
			r.whenSeen(inPhase("done"), func(Status) { must(t, change(path)) })
			r.finishFailing(ErrIncomplete, strconv.Quote(path), "run again")
		})
	}
}

func TestAnEarlierPlanIsResumedIfItsFilesHaveOnlyGrown(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a", "b")
	o := Options{Split: 100, Reducers: 2}
	plan := func(o Options) Plan {
		m, err := Scan(dir, "", o.Selection)
		must(t, err)
		return NewPlan(m, o)
	}
	growing := o
	growing.Growing = true
	otherSplit := growing
	otherSplit.Split++
	earlier, still, same := plan(growing), plan(o), plan(growing)
	must(t, appendTo(filepath.Join(dir, "a"), " more"))
	grown, other, notAsked := plan(growing), plan(otherSplit), plan(o)
	must(t, os.WriteFile(filepath.Join(dir, "c"), nil, 0o644))
	more := plan(growing)
	must(t, os.Remove(filepath.Join(dir, "c")))
	must(t, os.Truncate(filepath.Join(dir, "b"), 1))
	shrunk := plan(growing)
	for what, c := range map[string]struct {
		now, earlier Plan
		want         bool
	}{
		"nothing happened":       {same, earlier, true},
		"a file grew":            {grown, earlier, true},
		"with another split":     {other, earlier, false},
		"it may not grow":        {notAsked, still, false},
		"it might not grow then": {grown, still, false},
		"it may not any more":    {notAsked, earlier, false},
		"a file came":            {more, earlier, false},
		"a file shrank":          {shrunk, earlier, false},
	} {
		if got := c.now.Resumes(c.earlier); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	if grown.Job == earlier.Job {
		t.Error("other sizes are the same job")
	}
}
