package wordcount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAStateFolderAsARealJobLeavesItIsNoInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(1, 3))
	sealed := r.exact(bothModes[0])
	above := filepath.Dir(r.folder.Dir)
	check.Must(t, os.Rename(r.folder.Dir, filepath.Join(r.input, "state of another")))
	r.folder = state.Folder{Dir: filepath.Join(above, "mine")}
	if again := r.exact(bothModes[0]); again.Tokens != sealed.Tokens || len(again.Skipped) != 1 || again.Skipped[0].Why != "the state of wordcount's jobs" {
		t.Errorf("%+v, before that %+v", again, sealed)
	}
	check.Must(t, os.RemoveAll(r.input))
	check.Must(t, os.Rename(filepath.Dir(r.server.DataDir), r.input))
	defer os.Rename(r.input, filepath.Dir(r.server.DataDir))
	if m, skipped := scan(t, r.input); len(m.Files) != 0 || len(skipped) != 1 {
		t.Errorf("of a server's folder: listed %v, skipped %v", m.Files, skipped)
	}
}

func TestWhatIsSkippedIsPartOfTheResult(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x", "b.gz": "y", "c.gz": "y", "d.gz": "y", "e.gz": "y", "with\nnewline\xff": "z\x00"})
	check.Must(t, os.Symlink("nowhere", filepath.Join(r.input, "link")))
	o := bothModes[0]
	o.Selection = plan.Selection{Exclude: []string{"*.gz"}, Skip: plan.Skip{Binary: true}}
	sealed := r.exact(o)
	named := func(names ...string) (quoted []string) {
		for _, name := range names {
			quoted = append(quoted, strconv.Quote(filepath.Join(r.input, name)))
		}
		return quoted
	}
	want := []plan.SkippedFor{
		{Why: `excluded by "*.gz"`, Count: 4, First: named("b.gz", "c.gz", "d.gz")},
		{Why: "a link that leads nowhere", Count: 1, First: named("link")},
		{Why: "binary", Count: 1, First: named("with\nnewline\xff")},
	}
	if sealed.Files != 1 || !reflect.DeepEqual(sealed.Skipped, want) {
		t.Errorf("%+v, want %+v", sealed, want)
	}
	if line, want := want[0].String(), `4 (excluded by "*.gz"): `+strings.Join(named("b.gz", "c.gz", "d.gz"), ", ")+" and 1 more"; line != want {
		t.Errorf("said %s, want %s", line, want)
	}
	published, ok, err := r.folder.Sealed(r.plan.Job.ID)
	if !ok || err != nil || !reflect.DeepEqual(published, sealed) {
		t.Errorf("published %+v, %v, %v", published, ok, err)
	}
	list, err := os.ReadFile(r.folder.Skipped(r.plan.Job.ID))
	check.Must(t, err)
	var lines strings.Builder
	for _, s := range r.plan.Manifest.Skipped {
		fmt.Fprintf(&lines, "%q %s\n", s.Path, s.Why)
	}
	if string(list) != lines.String() || strings.Count(lines.String(), "\n") != 6 {
		t.Errorf("the list is\n%s", list)
	}
	plan, err := r.folder.Last()
	check.Must(t, err)
	if !reflect.DeepEqual(plan, r.plan) {
		t.Errorf("loaded %+v, want %+v", plan, r.plan)
	}

	// The same files are the same job, whatever else is there; and what else is there is told as it
	// is now.
	check.Must(t, os.Symlink("nowhere", filepath.Join(r.input, "other link")))
	check.Must(t, os.Remove(filepath.Join(r.input, "b.gz")))
	r.prepare(o)
	again, fresh, err := r.sup.UpToDate(t.Context())
	check.Must(t, err)
	if !fresh || again.Skipped[0].Count != 3 || again.Skipped[1].Count != 2 {
		t.Errorf("up to date: %v, %+v", fresh, again)
	}
	if plan, err := r.folder.Last(); err != nil || !slices.Equal(plan.Manifest.Skipped, r.plan.Manifest.Skipped) {
		t.Errorf("listed %v, %v", plan.Manifest.Skipped, err)
	}
	check.Must(t, r.folder.Forget(r.plan.Job.ID))
	if _, err := os.Stat(r.folder.Skipped(r.plan.Job.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the list of a job that was forgotten: %v", err)
	}
}

func TestFault43AnInputOfWhichEverythingIsSkippedIsAnExactEmptyResult(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"a": "\x00", "in/b": "words"})
		o.Selection = plan.Selection{Exclude: []string{"in"}, Skip: plan.Skip{Binary: true}}
		if sealed := r.exact(o); sealed.Files != 0 || sealed.Tokens != 0 || len(sealed.Skipped) != 2 {
			t.Errorf("%+v", sealed)
		}
	})
}
