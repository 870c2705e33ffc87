package wordcount

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// growingRig is a job over files that may grow. Where they end when the job is planned there is
// half a word, half a white space and nothing at all.
func growingRig(t *testing.T, o plan.Options) *rig {
	t.Helper()
	files := check.Texts(5, 10)
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
		check.Must(r.tb, check.Append(f.Path, "ds \u3000 more words"))
	}
}

func TestFault44FilesThatMayGrowAreCountedUpToTheirPlannedSize(t *testing.T) {
	t.Parallel()
	for what, grow := range map[string]func(r *rig){
		"before they are read": (*rig).grow,
		"after they were read": func(r *rig) { r.whenSeen(inPhase("done"), func(protocol.Status) { r.grow() }) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, o plan.Options) {
				r := growingRig(t, o)
				grow(r)
				sealed := r.finishExactly()
				r.grow()
				verdict, err := r.verify(sealed)
				check.Must(t, err)
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
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(20, 30))
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
					err = check.Append(path, "more wor")
					grown.Add(1)
				}
			}
			stopped <- err
		}()
		u := r.start()
		u.until("it grows", func() bool { return grown.Load() > 1 })
		u.exactly()
		close(stop)
		check.Must(t, <-stopped)
	})
}

func TestFault44AFileThatGrowsWithoutLeaveEndsTheRunNamingTheOption(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(5, 10))
		r.prepare(o)
		path := r.plan.Manifest.Files[3].Path
		check.Must(t, check.Append(path, "more"))
		r.finishIncomplete(protocol.Grew, strconv.Quote(path))
		r.prepare(o)
		r.whenSeen(inPhase("done"), func(protocol.Status) { check.Must(t, check.Append(path, "more")) })
		r.finishIncomplete(protocol.Grew, strconv.Quote(path))
		o.Growing = true
		r.prepare(o)
		check.Must(t, check.Append(path, "more"))
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
				check.Must(t, change(path))
				r.finishIncomplete(protocol.Changed, strconv.Quote(path))
			}
			r := growingRig(t, bothModes[0])
			path := r.plan.Manifest.Files[3].Path
			r.whenSeen(inPhase("done"), func(protocol.Status) { check.Must(t, change(path)) })
			r.finishIncomplete(protocol.Changed, strconv.Quote(path), "run again")
		})
	}
}
