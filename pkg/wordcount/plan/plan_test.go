package plan

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestJobIsNamedByAllThatGivesATaskItsMeaning(t *testing.T) {
	t.Parallel()
	base := Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}, Bytes: 100}
	id := func(m Manifest, o Options) string { return New(m, o).Job.ID }
	seen := map[string]string{}
	for what, job := range map[string]string{
		"base":           id(base, Options{Split: 10, Reducers: 2}),
		"another split":  id(base, Options{Split: 11, Reducers: 2}),
		"more reducers":  id(base, Options{Split: 10, Reducers: 3}),
		"map only":       id(base, Options{Split: 10, Direct: true}),
		"ten words":      id(base, Options{Split: 10, Reducers: 2, Keep: 10}),
		"another size":   id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 101, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"another time":   id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 2}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"another path":   id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/A", Size: 100, MTime: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"may grow":       id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1, Inode: 1}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"never cut":      id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1, Whole: true}, {Path: "/r/b", Size: 0, MTime: 2}}}, Options{Split: 10, Reducers: 2}),
		"cut at 5":       id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1, Whole: true}, {Path: "/r/b", Size: 0, MTime: 2}}, Cuts: map[string][]int64{"/r/a": {5}}}, Options{Split: 10, Reducers: 2}),
		"cut at 6":       id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1, Whole: true}, {Path: "/r/b", Size: 0, MTime: 2}}, Cuts: map[string][]int64{"/r/a": {6}}}, Options{Split: 10, Reducers: 2}),
		"one file fewer": id(Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/a", Size: 100, MTime: 1}}}, Options{Split: 10, Reducers: 2}),
	} {
		if other, ok := seen[job]; ok {
			t.Errorf("%s has the name of %s", what, other)
		}
		seen[job] = what
	}
	one, other := id(base, Options{Split: 10, Reducers: 2}), id(base, Options{Split: 10, Reducers: 2})
	if one != other {
		t.Error("a job has two names")
	}
}

func TestAnEarlierPlanIsResumedIfItsFilesHaveOnlyGrown(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, "a", "b")
	o := Options{Split: 100, Reducers: 2}
	planned := func(o Options) Plan {
		m, err := Scan(t.Context(), []string{dir}, "", o)
		check.Must(t, err)
		return New(m, o)
	}
	growing := o
	growing.Growing = true
	otherSplit := growing
	otherSplit.Split++
	earlier, still, same := planned(growing), planned(o), planned(growing)
	check.Must(t, check.Append(filepath.Join(dir, "a"), " more"))
	grown, other, notAsked := planned(growing), planned(otherSplit), planned(o)
	check.Must(t, os.WriteFile(filepath.Join(dir, "c"), nil, 0o644))
	more := planned(growing)
	check.Must(t, os.Remove(filepath.Join(dir, "c")))
	check.Must(t, os.Truncate(filepath.Join(dir, "b"), 1))
	shrunk := planned(growing)
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

func TestFault51PartitionsGrowWithTheInput(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]int{
		0: 1, 1: 1, partitionBytes: 1, partitionBytes + 1: 2, 1 << 30: 128, 1 << 40: maxPartitions,
	} {
		if got := New(Manifest{Bytes: size}, Options{}).Job.Reducers; got != want {
			t.Errorf("%d partitions for %d bytes, want %d", got, size, want)
		}
	}
	for size, want := range map[int64]int{0: 1, filedBytes: 1, filedBytes + 1: 2, 1 << 40: maxPartitions} {
		if got := New(Manifest{Bytes: size}, Options{Keep: 1}).Job.Reducers; got != want {
			t.Errorf("%d partitions with files for %d bytes, want %d", got, size, want)
		}
	}
}
