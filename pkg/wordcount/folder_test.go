package wordcount

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// aPlan is a plan of one file that needs not be there.
func aPlan(name string) Plan {
	return NewPlan(Manifest{Root: "/r", Files: []File{{Path: "/r/" + name, Size: 3, MTime: 1}}, Bytes: 3}, Options{Reducers: 2})
}

func TestFolderKeepsPlansAndTheLastOne(t *testing.T) {
	t.Parallel()
	f := Folder{filepath.Join(t.TempDir(), "not there yet")}
	if _, err := f.Last(); !errors.Is(err, ErrNoLast) || !errors.Is(err, ErrInput) {
		t.Errorf("an empty folder's last job: %v", err)
	}
	if jobs, err := f.Jobs(); err != nil || len(jobs) != 0 {
		t.Errorf("an empty folder has %v, %v", jobs, err)
	}
	one, other := aPlan("one"), aPlan("other")
	must(t, f.Save(one))
	must(t, f.Save(other))
	must(t, f.Save(one))
	last, err := f.Last()
	must(t, err)
	if !reflect.DeepEqual(last, one) {
		t.Errorf("%+v became %+v", one, last)
	}
	if jobs, err := f.Jobs(); err != nil || len(jobs) != 2 {
		t.Errorf("the jobs are %v, %v", jobs, err)
	}
}

func TestFolderIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	f := Folder{filepath.Join(t.TempDir(), "state")}
	p := aPlan("one")
	must(t, f.Save(p))
	must(t, f.SetRun(p.Job.ID, "run"))
	must(t, f.Publish(p.Job.ID, Sealed{}))
	must(t, filepath.WalkDir(f.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

func TestFolderRemembersTheRun(t *testing.T) {
	t.Parallel()
	f := Folder{t.TempDir()}
	first, known, err := f.Run("job")
	if known || err != nil || first == "" {
		t.Errorf("%q, known %v, %v", first, known, err)
	}
	must(t, f.SetRun("job", "mine"))
	run, known, err := f.Run("job")
	if run != "mine" || !known || err != nil {
		t.Errorf("%q, known %v, %v", run, known, err)
	}
	// What was forgotten must not be taken for ours when an old dump brings it back.
	must(t, f.Forget("job"))
	run, known, err = f.Run("job")
	if run == "mine" || run == "" || !known || err != nil {
		t.Errorf("after Forget: %q, known %v, %v", run, known, err)
	}
}

func TestPublishedResultCanBeReadAndTakenBack(t *testing.T) {
	t.Parallel()
	f := Folder{t.TempDir()}
	want := Sealed{
		Run: "r", Fence: "f", Tokens: 1 << 60, Distinct: 2, Bytes: 3, Files: 4, Splits: 5, Redone: 6,
		At: time.Now().UTC().Truncate(time.Second), Durable: "bgsave",
		Skipped: []SkippedFor{{"unreadable", 2, []string{`"/a"`, `"/b\n"`}}},
	}
	must(t, f.Publish("job", want))
	got, ok, err := f.Sealed("job")
	if !reflect.DeepEqual(got, want) || !ok || err != nil {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	for range 2 {
		must(t, f.Unpublish("job"))
		if _, ok, err := f.Sealed("job"); ok || err != nil {
			t.Errorf("taken back: %v, %v", ok, err)
		}
	}
}

func TestFolderHasOneSupervisorAJob(t *testing.T) {
	t.Parallel()
	f := Folder{t.TempDir()}
	if f.Supervised("job") {
		t.Error("supervised by nobody")
	}
	unlock, ok, err := f.lock("job")
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, again, err := f.lock("job"); again || err != nil {
		t.Errorf("a second one: %v, %v", again, err)
	}
	if !f.Supervised("job") || f.Supervised("other job") {
		t.Error("the wrong job is supervised")
	}
	if p, err := f.Supervisor("job"); err != nil || p.Pid != os.Getpid() {
		t.Errorf("supervised by %v, %v", p, err)
	}
	unlock()
	if f.Supervised("job") {
		t.Error("supervised by who has left")
	}
}

func TestForgottenJobIsNotTheLastOne(t *testing.T) {
	t.Parallel()
	f := Folder{t.TempDir()}
	one, other := aPlan("one"), aPlan("other")
	must(t, f.Save(other))
	must(t, f.Save(one))
	must(t, f.Forget(other.Job.ID))
	if last, err := f.Last(); err != nil || last.Job != one.Job {
		t.Errorf("%+v, %v", last, err)
	}
	must(t, f.Forget(one.Job.ID))
	if _, err := f.Last(); !errors.Is(err, ErrNoLast) {
		t.Errorf("the last job is forgotten: %v", err)
	}
}

func TestFolderRemembersWhatWasAskedForLast(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	f := Folder{filepath.Join(home, ".wordcount")}
	if input, _, err := f.Asked(); input != "" || err != nil {
		t.Errorf("of a new folder: %q, %v", input, err)
	}
	open := Options{Split: WholeFiles, Selection: Selection{Exclude: []string{`a\,b`, "c"}, Skip: Skip{Binary: true}, Growing: true}}
	for _, input := range []string{"/elsewhere/\xff\n", filepath.Join(home, "texts"), home} {
		p := NewPlan(Manifest{Root: input}, open)
		must(t, f.Save(p))
		got, o, err := f.Asked()
		if got != input || !reflect.DeepEqual(o, open) || err != nil {
			t.Errorf("%q, %+v, %v, want %q", got, o, err, input)
		}
		last, err := f.Last()
		if !reflect.DeepEqual(last.Options, open) || err != nil {
			t.Errorf("the last job has the options %+v, %v", last.Options, err)
		}
		must(t, f.Forget(p.Job.ID))
		if got, _, err := f.Asked(); got != input || err != nil {
			t.Errorf("after Forget: %q, %v", got, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(f.Dir, "last"), []byte("job\nnot quoted\n{}\n"), 0o600))
	if _, _, err := f.Asked(); !errors.Is(err, ErrState) {
		t.Errorf("of a damaged file: %v", err)
	}
}
