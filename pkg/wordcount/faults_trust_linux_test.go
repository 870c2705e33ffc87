package wordcount

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"golang.org/x/sys/unix"
)

// unopened fails a test if somebody opens the file while it goes on.
func unopened(t *testing.T, path string) {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	check.Must(t, err)
	_, err = unix.InotifyAddWatch(watch, path, unix.IN_OPEN)
	check.Must(t, err)
	t.Cleanup(func() {
		defer unix.Close(watch)
		if _, err := unix.Read(watch, make([]byte, 4096)); err != unix.EAGAIN {
			t.Errorf("%s was opened", path)
		}
	})
}

// secret is a file that is no input, as a task would name it that knows all of it.
func secret(t *testing.T, path string) input.File {
	t.Helper()
	check.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	check.Must(t, os.WriteFile(path, []byte("sesame sesame"), 0o600))
	now, err := input.Stat(path)
	check.Must(t, err)
	unopened(t, path)
	return input.File{Path: path, Size: now.Size, MTime: now.Mtime}
}

// tampered seeds the job that is prepared as somebody would who writes to Redis: with other tasks
// than the plan's.
func (r *rig) tampered(splits []plan.Split) {
	r.tb.Helper()
	check.Must(r.tb, r.folder.SetRun(r.plan.Job.ID, wordcounttest.ARun))
	check.Must(r.tb, r.folder.SetStore(r.plan.Job.ID, state.Store{Run: wordcounttest.ARun, Dir: r.store, Own: true}))
	store, err := shuffle.Open(r.tb.Context(), r.store)
	check.Must(r.tb, err)
	defer store.Close()
	run, err := store.Run(r.plan.Job.ID, wordcounttest.ARun)
	check.Must(r.tb, err)
	check.Must(r.tb, run.Prepare())
	_, err = protocol.Client{Redis: r.probe, Job: r.plan.Job}.Seed(r.tb.Context(), wordcounttest.ARun, r.store, len(splits), 1, plan.Entries(splits))
	check.Must(r.tb, err)
}

func TestFault62AWorkerOpensOnlyWhatItsFolderPlanned(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(t *testing.T, r *rig, s *plan.Split){
		"a file elsewhere": func(t *testing.T, r *rig, s *plan.Split) {
			f := secret(t, filepath.Join(t.TempDir(), "secret"))
			*s = plan.Split{File: f, Len: f.Size}
		},
		"a file elsewhere, after one of the input": func(t *testing.T, r *rig, s *plan.Split) {
			s.More = []input.File{secret(t, filepath.Join(t.TempDir(), "secret"))}
		},
		"a file behind a link to a folder": func(t *testing.T, r *rig, s *plan.Split) {
			f := secret(t, filepath.Join(t.TempDir(), "secret"))
			check.Must(t, os.Symlink(filepath.Dir(f.Path), filepath.Join(r.input, "link")))
			f.Path = filepath.Join(r.input, "link", "secret")
			*s = plan.Split{File: f, Len: f.Size}
		},
		"a file in the input's folder that was not planned": func(t *testing.T, r *rig, s *plan.Split) {
			f := secret(t, filepath.Join(r.input, ".wordcount", "password"))
			*s = plan.Split{File: f, Len: f.Size}
		},
		"a file by the way up": func(t *testing.T, r *rig, s *plan.Split) {
			f := secret(t, filepath.Join(filepath.Dir(r.input), "secret"))
			f.Path = r.input + "/../secret"
			*s = plan.Split{File: f, Len: f.Size}
		},
		"a device without end": func(t *testing.T, r *rig, s *plan.Split) {
			now, err := input.Stat("/dev/zero")
			check.Must(t, err)
			*s = plan.Split{File: input.File{Path: "/dev/zero", Size: 1 << 60, MTime: now.Mtime}, Len: 1 << 60}
		},
		"another range":     func(t *testing.T, r *rig, s *plan.Split) { s.Len-- },
		"a negative offset": func(t *testing.T, r *rig, s *plan.Split) { s.Off = -1 },
		"a negative length": func(t *testing.T, r *rig, s *plan.Split) { s.Len = -1 },
		"a negative size":   func(t *testing.T, r *rig, s *plan.Split) { s.Size, s.Len = -1, -1 },
		"more than there is": func(t *testing.T, r *rig, s *plan.Split) {
			s.Off, s.Len = 1, s.Size
		},
		"more than can be said": func(t *testing.T, r *rig, s *plan.Split) {
			s.Off, s.Len = 1, math.MaxInt64
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(5, 10))
			r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
			splits := r.plan.Splits()
			change(t, r, &splits[2])
			r.tampered(splits)
			r.finishFailing(protocol.ErrState, strconv.Quote(splits[2].Path))
		})
	}
}

// joined starts a worker that joined from a host with these files.
func (r *rig) joined(trust plan.Trust) *workerInProcess {
	r.tb.Helper()
	trust.Joined = true
	return r.startTrusting("joined", trust)
}

func TestFault62AJoinedWorkerLeavesWhatIsNotInItsInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(5, 10))
	r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
	f := secret(t, filepath.Join(t.TempDir(), "secret"))
	splits := r.plan.Splits()
	splits[1] = plan.Split{File: f, Len: f.Size}
	r.tampered(splits)
	trust := plan.Trust{Roots: [][]byte{[]byte(r.input)}}
	client := protocol.Client{Redis: r.probe, Job: r.plan.Job}
	check.IsError(t, claim.CheckInputs(t.Context(), client, trust), plan.ErrOutside, protocol.ErrInput.Error(), strconv.Quote(f.Path))
	r.joined(trust).left(plan.ErrForeign)
	if st := r.status(); st.Buried != 0 || st.Troubles != 0 {
		t.Errorf("%+v", st)
	}
}

// touch gives a file another time, and returns what gives it the old one back: the view of another
// host.
func touch(t *testing.T, f input.File) (back func()) {
	t.Helper()
	check.Must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(1, 0)))
	return func() { check.Must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(0, f.MTime))) }
}

func TestFault78AJoinedWorkerThatSeesAnotherFileGivesItsTasksBack(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(t *testing.T, f input.File) (back func()){
		"another time": touch,
		"no file": func(t *testing.T, f input.File) func() {
			check.Must(t, os.Rename(f.Path, f.Path+"'"))
			return func() { check.Must(t, os.Rename(f.Path+"'", f.Path)) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(5, 10))
			r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
			check.Must(t, r.sup.Seed(t.Context()))
			back := change(t, r.plan.Manifest.Files[1])
			r.joined(plan.Trust{Roots: [][]byte{[]byte(r.input)}}).left(plan.ErrForeign)
			attempts, err := r.probe.HGetAll(t.Context(), r.plan.Job.Key("attempts")).Result()
			check.Must(t, err)
			for name := range attempts {
				if !strings.HasSuffix(name, " returned") {
					t.Errorf("it left %s", name)
				}
			}
			if st := r.status(); st.Buried != 0 || st.Troubles != 0 || st.Mapped != 0 {
				t.Errorf("%+v", st)
			}
			back()
			if sealed := r.finishExactly(); sealed.Redone != 0 {
				t.Errorf("%d tasks were redone", sealed.Redone)
			}
		})
	}
}

func TestFault78AJoinedWorkerGivesUpNoTaskWhateverItHasCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.prepare(plan.Options{Direct: true})
	check.Must(t, r.sup.Seed(t.Context()))
	path := r.plan.Manifest.Files[1].Path
	trust := plan.Trust{Roots: [][]byte{[]byte(r.input)}, Joined: true}
	r.startTrusting("joined", trust, wordcounttest.Answered(t, "commit", 1, func() error { return check.Append(path, "more") })).left(plan.ErrForeign)
	if st := r.status(); st.Mapped != 1 || st.Buried != 0 || st.Troubles != 0 {
		t.Errorf("%+v", st)
	}
	r.finishFailing(protocol.ErrIncomplete, strconv.Quote(path), "size") // the folder's own workers see it too
}

func TestFault78ATeamOfAHostWithOtherFilesEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(5, 10))
	r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
	check.Must(t, r.sup.Seed(t.Context()))
	back := touch(t, r.plan.Manifest.Files[1])
	path := r.plan.Manifest.Files[1].Path
	ctx, fail := context.WithCancelCause(t.Context())
	r.team.Fail = fail
	r.team.Worker.Trust = plan.Trust{Roots: [][]byte{[]byte(r.input)}, Joined: true}
	check.Must(t, r.team.Start(ctx))
	<-ctx.Done()
	r.team.Stop()
	check.IsError(t, context.Cause(ctx), protocol.ErrInput, "this host's files are not the job's", strconv.Quote(path))
	if n := r.team.Restarts(); n != 0 {
		t.Errorf("%d were replaced", n)
	}
	back()
	r.finishExactly()
}
