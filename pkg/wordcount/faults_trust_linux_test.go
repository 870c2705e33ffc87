package wordcount

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// unopened fails a test if somebody opens the file while it goes on.
func unopened(t *testing.T, path string) {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	_, err = unix.InotifyAddWatch(watch, path, unix.IN_OPEN)
	must(t, err)
	t.Cleanup(func() {
		defer unix.Close(watch)
		if _, err := unix.Read(watch, make([]byte, 4096)); err != unix.EAGAIN {
			t.Errorf("%s was opened", path)
		}
	})
}

// secret is a file that is no input, as a task would name it that knows all of it.
func secret(t *testing.T, path string) File {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte("sesame sesame"), 0o600))
	now, err := stat(path)
	must(t, err)
	unopened(t, path)
	return File{Path: path, Size: now.size, MTime: now.mtime}
}

// tampered seeds the job that is prepared as somebody would who writes to Redis: with other tasks than the plan's.
func (r *rig) tampered(splits []Split) {
	r.tb.Helper()
	must(r.tb, r.folder.SetRun(r.plan.Job.ID, "a run"))
	_, _, err := protocol{r.probe, r.plan.Job}.seed(r.tb.Context(), "a run", len(splits), 1, splits)
	must(r.tb, err)
}

func TestFault62AWorkerOpensOnlyWhatItsFolderPlanned(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(t *testing.T, r *rig, s *Split){
		"a file elsewhere": func(t *testing.T, r *rig, s *Split) {
			f := secret(t, filepath.Join(t.TempDir(), "secret"))
			*s = Split{File: f, Len: f.Size}
		},
		"a file elsewhere, after one of the input": func(t *testing.T, r *rig, s *Split) {
			s.More = []File{secret(t, filepath.Join(t.TempDir(), "secret"))}
		},
		"a file behind a link to a folder": func(t *testing.T, r *rig, s *Split) {
			f := secret(t, filepath.Join(t.TempDir(), "secret"))
			must(t, os.Symlink(filepath.Dir(f.Path), filepath.Join(r.input, "link")))
			f.Path = filepath.Join(r.input, "link", "secret")
			*s = Split{File: f, Len: f.Size}
		},
		"a file in the input's folder that was not planned": func(t *testing.T, r *rig, s *Split) {
			f := secret(t, filepath.Join(r.input, ".wordcount", "password"))
			*s = Split{File: f, Len: f.Size}
		},
		"a file by the way up": func(t *testing.T, r *rig, s *Split) {
			f := secret(t, filepath.Join(filepath.Dir(r.input), "secret"))
			f.Path = r.input + "/../secret"
			*s = Split{File: f, Len: f.Size}
		},
		"a device without end": func(t *testing.T, r *rig, s *Split) {
			now, err := stat("/dev/zero")
			must(t, err)
			*s = Split{File: File{Path: "/dev/zero", Size: 1 << 60, MTime: now.mtime}, Len: 1 << 60}
		},
		"another range":     func(t *testing.T, r *rig, s *Split) { s.Len-- },
		"a negative offset": func(t *testing.T, r *rig, s *Split) { s.Off = -1 },
		"a negative length": func(t *testing.T, r *rig, s *Split) { s.Len = -1 },
		"a negative size":   func(t *testing.T, r *rig, s *Split) { s.Size, s.Len = -1, -1 },
		"more than there is": func(t *testing.T, r *rig, s *Split) {
			s.Off, s.Len = 1, s.Size
		},
		"more than can be said": func(t *testing.T, r *rig, s *Split) {
			s.Off, s.Len = 1, math.MaxInt64
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, texts(5, 10))
			r.prepare(Options{Split: WholeFiles, Reducers: 2})
			splits := r.plan.Splits()
			change(t, r, &splits[2])
			r.tampered(splits)
			r.finishFailing(ErrState, strconv.Quote(splits[2].Path))
		})
	}
}

func TestFault62ATaskThatNoPlanHasIsRefusedAsItIsRead(t *testing.T) {
	t.Parallel()
	fine := Split{File: File{Path: "/a", Size: 10, MTime: 1}, Off: 2, Len: 8, More: []File{{Path: "/b", Size: 3, MTime: 1}}}
	if _, err := parseEntry(fine.entry()); err != nil {
		t.Error(err)
	}
	for what, entry := range map[string][2]string{
		"a negative offset":       {"/a", "-1 1 1 1 0"},
		"a negative length":       {"/a", "0 -1 1 1 0"},
		"a negative size":         {"/a", "0 0 -1 1 0"},
		"an offset behind it all": {"/a", "2 0 1 1 0"},
		"more than there is":      {"/a", "1 10 10 1 0"},
		"an overflow":             {"/a", "9223372036854775807 9223372036854775807 9223372036854775807 1 0"},
		"a part among others":     {"/a\x00/b", "0 1 1 1 0 0 1 2 1 0"},
	} {
		if s, err := parseEntry(entry[0], entry[1]); err == nil {
			t.Errorf("%s: %+v", what, s)
		}
		_, err := parseTask("map", redis.XMessage{ID: "1-0", Values: map[string]any{"path": entry[0], "split": entry[1]}})
		if !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFault62AJoinedWorkerOpensOnlyWhatIsInItsInput(t *testing.T) {
	t.Parallel()
	top, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	in := func(names ...string) string { return filepath.Join(append([]string{top}, names...)...) }
	for _, dir := range []string{in("input", "deep"), in("input", ".wordcount"), in("input2"), in("elsewhere")} {
		must(t, os.MkdirAll(dir, 0o700))
	}
	must(t, os.Symlink(in("elsewhere"), in("input", "link")))
	must(t, os.Symlink(in("input", "deep"), in("input", "alias")))
	must(t, os.Symlink(in("input"), in("name")))
	for _, root := range []string{in("input"), in("name"), in("input") + "/"} {
		c, err := Trust{Roots: [][]byte{[]byte(root)}, Except: []byte(in("input", ".wordcount"))}.checker()
		must(t, err)
		for path, want := range map[string]bool{
			in("input", "a"):                      true,
			in("input", "deep", "a"):              true,
			in("input", "alias", "a"):             true,
			in("name", "a"):                       true,
			in("input", "not there", "a"):         true, // and there is nothing to be opened
			in("input", ".wordcount", "password"): false,
			in("input", "link", "a"):              false,
			in("input2", "a"):                     false,
			in("elsewhere", "a"):                  false,
			"/etc/passwd":                         false,
		} {
			if got := c.holds(path); got != want {
				t.Errorf("%s holds %s: %v", root, path, got)
			}
		}
	}
	for root, path := range map[string]string{"/": "/etc/passwd", in("input", "a"): in("input", "a")} {
		c, err := Trust{Roots: [][]byte{[]byte(root)}}.checker()
		must(t, err)
		if !c.holds(path) {
			t.Errorf("%s does not hold %s", root, path)
		}
	}
	c, err := Trust{Roots: [][]byte{[]byte("/")}}.checker()
	must(t, err)
	for _, path := range []string{"", ".", "a", "../a", "/a/../b", "/a/.", "/a//b"} {
		if err := c.check(task{split: Split{File: File{Path: in("input", "a")}, More: []File{{Path: path}}}}); !errors.Is(err, ErrState) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if c, err := (Trust{}).checker(); err != nil || c.holds("/etc/passwd") {
		t.Errorf("who was told of no input may read any: %v", err)
	}
}

// joined starts a worker that joined from a host with these files.
func (r *rig) joined(trust Trust) *workerInProcess {
	r.tb.Helper()
	trust.Joined = true
	return r.startTrusting("joined", &trust)
}

func TestFault62AJoinedWorkerLeavesWhatIsNotInItsInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(5, 10))
	r.prepare(Options{Split: WholeFiles, Reducers: 2})
	f := secret(t, filepath.Join(t.TempDir(), "secret"))
	splits := r.plan.Splits()
	splits[1] = Split{File: f, Len: f.Size}
	r.tampered(splits)
	trust := Trust{Roots: [][]byte{[]byte(r.input)}}
	sup, _, err := Attach(t.Context(), r.probe, r.plan.Job)
	must(t, err)
	isError(t, sup.Join(t.Context(), trust), ErrInput, strconv.Quote(f.Path), "WORDCOUNT_INPUT")
	r.joined(trust).left(errForeign)
	if st := r.status(); st.Buried != 0 || st.Troubles != 0 {
		t.Errorf("%+v", st)
	}
}

// touch gives a file another time, and returns what gives it the old one back: the view of another host.
func touch(t *testing.T, f File) (back func()) {
	t.Helper()
	must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(1, 0)))
	return func() { must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(0, f.MTime))) }
}

func TestFault78AHostLooksAtInputsFromAllOverTheJobBeforeItJoins(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Split: WholeFiles}, {Split: 100}, {}} {
		r := newRig(t, texts(40, 10))
		r.prepare(o)
		must(t, r.sup.Seed(t.Context()))
		sup, _, err := Attach(t.Context(), r.probe, r.plan.Job)
		must(t, err)
		trust := Trust{Roots: [][]byte{[]byte(r.input)}, Joined: true}
		must(t, sup.Join(t.Context(), trust))
		tasks, err := sup.sample(t.Context(), inputsLookedAt)
		must(t, err)
		if n := len(tasks); n != inputsLookedAt || tasks[0].n != 1 || tasks[n-1].n < r.sup.Maps()*(n-1)/n {
			t.Errorf("looked at %d of %d tasks, the last is %d", n, r.sup.Maps(), tasks[n-1].n)
		}
		for _, task := range tasks[len(tasks)-3:] {
			f := task.split.File
			back := touch(t, f)
			isError(t, sup.Join(t.Context(), trust), ErrInput, strconv.Quote(f.Path), "should have ", timeText(f.MTime), "1970-01-01 00:00:01Z")
			back()
			must(t, os.Rename(f.Path, f.Path+"'"))
			isError(t, sup.Join(t.Context(), trust), ErrInput, strconv.Quote(f.Path), "no such file")
			must(t, os.Rename(f.Path+"'", f.Path))
		}
		if st := r.status(); st.Pending() != 0 || st.Mapped != 0 {
			t.Errorf("something was claimed: %+v", st)
		}
	}
}

func TestFault78AJoinedWorkerThatSeesAnotherFileGivesItsTasksBack(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(t *testing.T, f File) (back func()){
		"another time": touch,
		"no file": func(t *testing.T, f File) func() {
			must(t, os.Rename(f.Path, f.Path+"'"))
			return func() { must(t, os.Rename(f.Path+"'", f.Path)) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, texts(5, 10))
			r.prepare(Options{Split: WholeFiles, Reducers: 2})
			must(t, r.sup.Seed(t.Context()))
			back := change(t, r.plan.Manifest.Files[1])
			r.joined(Trust{Roots: [][]byte{[]byte(r.input)}}).left(errForeign)
			attempts, err := r.probe.HGetAll(t.Context(), r.plan.Job.Key("attempts")).Result()
			must(t, err)
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
	r := newRig(t, texts(3, 10))
	r.prepare(Options{Reducers: MapOnly})
	must(t, r.sup.Seed(t.Context()))
	path := r.plan.Manifest.Files[1].Path
	trust := Trust{Roots: [][]byte{[]byte(r.input)}, Joined: true}
	r.startTrusting("joined", &trust, answered("commit", 1, func() error { return appendTo(path, "more") })).left(errForeign)
	if st := r.status(); st.Mapped != 1 || st.Buried != 0 || st.Troubles != 0 {
		t.Errorf("%+v", st)
	}
	r.finishFailing(ErrIncomplete, strconv.Quote(path), "size") // the folder's own workers see it too
}

func TestFault78ATeamOfAHostWithOtherFilesEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(5, 10))
	r.prepare(Options{Split: WholeFiles, Reducers: 2})
	must(t, r.sup.Seed(t.Context()))
	back := touch(t, r.plan.Manifest.Files[1])
	path := r.plan.Manifest.Files[1].Path
	ctx, fail := context.WithCancelCause(t.Context())
	r.team.Fail = fail
	r.team.Trust = Trust{Roots: [][]byte{[]byte(r.input)}, Joined: true}
	must(t, r.team.Start(ctx))
	<-ctx.Done()
	r.team.Stop()
	isError(t, context.Cause(ctx), ErrInput, "this host's files are not the job's", strconv.Quote(path))
	if n := r.team.Restarts(); n != 0 {
		t.Errorf("%d were replaced", n)
	}
	back()
	r.finishExactly()
}
