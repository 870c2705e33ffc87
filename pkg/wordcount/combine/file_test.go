package combine

import (
	"context"
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// ofMemory is what a worker may use by default, in bytes.
const ofMemory = 256 << 20

// file is an open file of a worker that must end when ctx does.
type file struct {
	input.Reader
	ctx context.Context
}

func (f *file) Step() error { return f.ctx.Err() }

// countSplit counts a split as a worker does.
func countSplit(ctx context.Context, c *Combiner, s plan.Split) (tokens uint64, err error) {
	for part := range s.Ranges() {
		f := file{ctx: ctx}
		if err := f.Open(ctx, part.File, part.Off, part.Off+part.Len); err != nil {
			return 0, err
		}
		n, err := c.Count(&f, part)
		err = errors.Join(err, f.Check(part.Off+part.Len == part.Size))
		f.Close()
		if err != nil {
			return 0, err
		}
		tokens += n
	}
	return tokens, nil
}

// splitOf is a split that has whole files of these contents.
func splitOf(tb testing.TB, contents ...string) (s plan.Split) {
	tb.Helper()
	for _, content := range contents {
		path := check.Folder(tb, map[string]string{"file": content}) + "/file"
		now, err := input.Stat(path)
		check.Must(tb, err)
		f := input.File{Path: path, Size: now.Size, MTime: now.Mtime}
		if s.Path == "" {
			s.File, s.Len = f, f.Size
		} else {
			s.More = append(s.More, f)
		}
	}
	return s
}

// newCombiner is a combiner of plain text that has nowhere to spill.
func newCombiner(tb testing.TB, reducers int) *Combiner {
	tb.Helper()
	c, err := New(reducers, ofMemory, "", plan.Counting{})
	check.Must(tb, err)
	return c
}

// spilling is a combiner of plain text that can spill.
func spilling(tb testing.TB) *Combiner {
	tb.Helper()
	c := newCombiner(tb, 1)
	store, err := shuffle.Open(tb.Context(), tb.TempDir())
	check.Must(tb, err)
	run, err := store.Run("0123456789abcdef", wordcounttest.ARun)
	check.Must(tb, err)
	check.Must(tb, run.Prepare())
	c.SpillTo(run)
	tb.Cleanup(func() { c.Empty(); store.Close() })
	return c
}
