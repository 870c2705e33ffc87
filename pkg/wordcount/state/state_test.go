package state

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

// aPlan is a plan of one file that needs not be there.
func aPlan(name string) plan.Plan {
	return plan.New(plan.Manifest{Inputs: []string{"/r"}, Files: []input.File{{Path: "/r/" + name, Size: 3, MTime: 1}}, Bytes: 3}, plan.Options{Reducers: 2})
}

func TestFolderKeepsPlansAndTheLastOne(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: filepath.Join(t.TempDir(), "not there yet")}
	if _, err := f.Last(); !errors.Is(err, ErrNoLast) || !errors.Is(err, protocol.ErrInput) {
		t.Errorf("an empty folder's last job: %v", err)
	}
	if jobs, err := f.Jobs(); err != nil || len(jobs) != 0 {
		t.Errorf("an empty folder has %v, %v", jobs, err)
	}
	one, other := aPlan("one"), aPlan("other")
	check.Must(t, f.Save(one))
	check.Must(t, f.Save(other))
	check.Must(t, f.Save(one))
	last, err := f.Last()
	check.Must(t, err)
	if !reflect.DeepEqual(last, one) {
		t.Errorf("%+v became %+v", one, last)
	}
	if jobs, err := f.Jobs(); err != nil || len(jobs) != 2 {
		t.Errorf("the jobs are %v, %v", jobs, err)
	}
}

func TestFolderIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: filepath.Join(t.TempDir(), "state")}
	p := aPlan("one")
	check.Must(t, f.Save(p))
	check.Must(t, f.SetRun(p.Job.ID, "run"))
	check.Must(t, f.Publish(p.Job.ID, Sealed{}))
	check.Must(t, filepath.WalkDir(f.Dir, func(path string, d os.DirEntry, err error) error {
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
	f := Folder{Dir: t.TempDir()}
	first, known, err := f.Run("job")
	if known || err != nil || first == "" {
		t.Errorf("%q, known %v, %v", first, known, err)
	}
	check.Must(t, f.SetRun("job", "mine"))
	run, known, err := f.Run("job")
	if run != "mine" || !known || err != nil {
		t.Errorf("%q, known %v, %v", run, known, err)
	}
	// What was forgotten must not be taken for ours when an old dump brings it back.
	check.Must(t, f.Forget("job"))
	run, known, err = f.Run("job")
	if run == "mine" || run == "" || !known || err != nil {
		t.Errorf("after Forget: %q, known %v, %v", run, known, err)
	}
}

func TestPublishedResultCanBeReadAndTakenBack(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	want := Sealed{
		Run: "r", Fence: "f", Tokens: 1 << 60, Distinct: 2, Bytes: 3, Files: 4, Splits: 5, Redone: 6,
		At: time.Now().UTC().Truncate(time.Second), Durable: "bgsave",
		Skipped: []plan.SkippedFor{{Why: "unreadable", Count: 2, First: []string{`"/a"`, `"/b\n"`}}},
	}
	check.Must(t, f.Publish("job", want))
	got, ok, err := f.Sealed("job")
	if !reflect.DeepEqual(got, want) || !ok || err != nil {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	for range 2 {
		check.Must(t, f.Unpublish("job"))
		if _, ok, err := f.Sealed("job"); ok || err != nil {
			t.Errorf("taken back: %v, %v", ok, err)
		}
	}
}

func TestFolderHasOneSupervisorAJob(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	if f.Supervised("job") {
		t.Error("supervised by nobody")
	}
	unlock, ok, err := f.Lock("job")
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, again, err := f.Lock("job"); again || err != nil {
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

func TestALockEndsThoughAChildProcessStillHasItsFile(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	file, ok, err := f.tryLock("job", "lock", unix.LOCK_EX)
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	childs, err := unix.Dup(int(file.Fd()))
	check.Must(t, err)
	defer unix.Close(childs)
	unlock(file)
	if f.Supervised("job") {
		t.Error("still locked")
	}
}

func TestForgottenJobIsNotTheLastOne(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	one, other := aPlan("one"), aPlan("other")
	check.Must(t, f.Save(other))
	check.Must(t, f.Save(one))
	check.Must(t, f.Forget(other.Job.ID))
	if last, err := f.Last(); err != nil || last.Job != one.Job {
		t.Errorf("%+v, %v", last, err)
	}
	check.Must(t, f.Forget(one.Job.ID))
	if _, err := f.Last(); !errors.Is(err, ErrNoLast) {
		t.Errorf("the last job is forgotten: %v", err)
	}
}

func TestFolderRemembersWhatWasAskedForLast(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	f := Folder{Dir: filepath.Join(home, ".wordcount")}
	if inputs, _, err := f.Asked(); len(inputs) > 0 || err != nil {
		t.Errorf("of a new folder: %q, %v", inputs, err)
	}
	open := plan.Options{WholeFiles: true, Selection: plan.Selection{Exclude: []string{`a\,b`, "c"}, Skip: plan.Skip{Binary: true}, Growing: true}}
	for _, inputs := range [][]string{
		{"/elsewhere/\xff\n"}, {filepath.Join(home, "texts")}, {home}, {"/else where/*.gz", filepath.Join(home, "a b/**"), "s3://bucket/key"},
	} {
		p := plan.New(plan.Manifest{Inputs: inputs}, open)
		check.Must(t, f.Save(p))
		got, o, err := f.Asked()
		if !slices.Equal(got, inputs) || !reflect.DeepEqual(o, open) || err != nil {
			t.Errorf("%q, %+v, %v, want %q", got, o, err, inputs)
		}
		last, err := f.Last()
		if !reflect.DeepEqual(last.Options, open) || err != nil {
			t.Errorf("the last job has the options %+v, %v", last.Options, err)
		}
		check.Must(t, f.Forget(p.Job.ID))
		if got, _, err := f.Asked(); !slices.Equal(got, inputs) || err != nil {
			t.Errorf("after Forget: %q, %v", got, err)
		}
	}
	check.Must(t, os.WriteFile(filepath.Join(f.Dir, "last"), []byte("job\nnot quoted\n{}\n"), 0o600))
	if _, _, err := f.Asked(); !errors.Is(err, protocol.ErrState) {
		t.Errorf("of a damaged file: %v", err)
	}
}

func TestFault62AFolderKnowsOnlyJobsWithAJobsName(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	const good = "0123456789abcdef"
	for _, id := range []string{good, "fedcba9876543210", "elsewhere", "0123456789ABCDEF"} {
		check.Must(t, os.MkdirAll(filepath.Join(f.Dir, "jobs", id), 0o700))
		check.Must(t, os.WriteFile(filepath.Join(f.Dir, "jobs", id, "plan"), []byte(`{"Job":{"ID":"`+good+`"}}`), 0o600))
		check.Must(t, os.WriteFile(filepath.Join(f.Dir, "jobs", id, "manifest"), []byte("\"/\"\n"), 0o600))
	}
	if jobs, err := f.Jobs(); len(jobs) != 2 || err != nil {
		t.Errorf("jobs %q, %v", jobs, err)
	}
	if _, err := f.Load(good); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]error{"../jobs/" + good: protocol.ErrInput, "elsewhere": protocol.ErrInput, "0123456789ABCDEF": protocol.ErrInput, "": protocol.ErrInput, good + "\n": protocol.ErrInput, "fedcba9876543210": protocol.ErrState} {
		_, err := f.Load(id)
		check.IsError(t, err, want)
	}
}

func TestAListOfWhatWasSkippedThatIsDamagedIsWrittenAnew(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	p := aPlan("one")
	p.Manifest.Skipped = []plan.Skipped{{Path: "/r/a\n", Why: "why not"}}
	check.Must(t, f.Save(p))
	for _, text := range []string{"no quotes\n", "\"/r/a\"\n", "\"/r/a\"why\n", "\"/r"} {
		check.Must(t, os.WriteFile(f.Skipped(p.Job.ID), []byte(text), 0o600))
		if _, err := f.Last(); err == nil {
			t.Errorf("%q was read", text)
		}
		check.Must(t, f.Save(p))
		if last, err := f.Last(); err != nil || !reflect.DeepEqual(last, p) {
			t.Errorf("%+v, %v", last, err)
		}
	}
	p.Manifest.Skipped = nil
	check.Must(t, f.Save(p))
	if last, err := f.Last(); err != nil || len(last.Manifest.Skipped) > 0 {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestFault69AJobThatIsUsedCannotBeVacated(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	one, ok, err := f.Use("job")
	if !ok || err != nil {
		t.Fatalf("it can't be used: %v", err)
	}
	two, ok, err := f.Use("job")
	if !ok || err != nil {
		t.Fatalf("it can't be used twice: %v", err)
	}
	one()
	if _, ok, err := f.Vacate("job"); ok || err != nil {
		t.Errorf("it was vacated while it is used: %v", err)
	}
	two()
	release, ok, err := f.Vacate("job")
	if !ok || err != nil {
		t.Fatalf("it can't be vacated: %v", err)
	}
	if _, ok, err := f.Use("job"); ok || err != nil {
		t.Errorf("it is used while it is deleted: %v", err)
	}
	release()
}

func TestFault69AFolderRemembersEachServerOnce(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	p := aPlan("one")
	check.Must(t, f.Save(p))
	for _, server := range []string{"own", "redis://host", "own"} {
		check.Must(t, f.AddServer(p.Job.ID, server))
	}
	if servers, err := f.Servers(p.Job.ID); err != nil || !slices.Equal(servers, []string{"own", "redis://host"}) {
		t.Errorf("the servers are %q, %v", servers, err)
	}
	check.Must(t, f.Forget(p.Job.ID))
	if servers, err := f.Servers(p.Job.ID); err != nil || len(servers) != 0 {
		t.Errorf("a forgotten job has the servers %q, %v", servers, err)
	}
}
