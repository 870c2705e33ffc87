package targets_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// elsewhere starts a command of the folder as on another host: where this one has a folder, that one has another.
func (f *folder) elsewhere(has, instead string, args ...string) *process {
	f.Helper()
	script := `mount --bind "$1" "$2" && shift 2 && exec "$@"`
	if out, err := exec.Command("unshare", "-m", "sh", "-c", script, "sh", instead, has, "true").CombinedOutput(); err != nil {
		f.Skipf("only root can have a view of the files of its own: %v: %s", err, out)
	}
	return f.startCommand(exec.Command("unshare", append([]string{"-m", "sh", "-c", script, "sh", instead, has, f.program}, args...)...))
}

// copied makes a copy of the files that are counted, with their times.
func (f *folder) copied() (data, twin string) {
	f.Helper()
	data, twin = filepath.Join(f.dir, "data"), filepath.Join(f.dir, "copy")
	out, err := exec.Command("cp", "-a", data, twin).CombinedOutput()
	if err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	return data, twin
}

func TestFault78AHostWithoutTheJobsFilesClaimsNothing(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change func(dir string) error
		says   string
	}{
		"it has none":         {removeAll, "no such file or directory"},
		"they have new times": {touchAll, "it was modified: its time was "},
		"they are larger":     {growAll, "its size was "},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			host := newFolder(t)
			guest := host.guest()
			host.texts(64)
			host.exits(0, "stream:seed") // and nobody to count
			data, other := host.copied()
			check.Must(t, c.change(other))
			r := guest.elsewhere(data, other, "workers:join", "-job="+host.job().ID, "-input="+data).exits(2)
			contains(t, r.err, c.says)
			contains(t, r.err, `/data/text 000.txt" should have `)
			lacks(t, r.err, "workers:spawn")
			if s := host.status(); s.Tasks.Pending != 0 || s.Tasks.Done != 0 || len(s.Workers) != 0 {
				t.Errorf("it has claimed something: %+v", s)
			}
			host.exits(0, "run")
			host.exact()
		})
	}
}

func everyFile(dir string, do func(path string) error) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range paths {
		if err == nil {
			err = do(path)
		}
	}
	return err
}

func removeAll(dir string) error { return everyFile(dir, os.Remove) }

func touchAll(dir string) error {
	return everyFile(dir, func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) })
}

func growAll(dir string) error {
	return everyFile(dir, func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, append(text, " more"...), 0o644)
	})
}

func TestFault78AHostWithOneOtherFileLeavesAndTheJobIsExact(t *testing.T) {
	t.Parallel()
	for _, reducers := range []string{"3", "0"} {
		t.Run(reducers+" reducers", func(t *testing.T) {
			t.Parallel()
			host := newFolder(t)
			guest := host.guest()
			host.texts(64)
			host.set("WORDCOUNT_REDUCERS", reducers)
			host.exits(0, "stream:seed") // and nobody to count
			data, other := host.copied()
			const odd = "text 002.txt" // none of those that are looked at before
			check.Must(t, os.Chtimes(filepath.Join(other, odd), time.Time{}, time.Unix(1, 0)))
			guest.set("WORDCOUNT_INPUT", data)
			p := guest.elsewhere(data, other, "workers:join", "-job="+host.job().ID)
			team := p.team()
			r := p.exits(2)
			contains(t, r.err, "input: this host's files are not the job's")
			contains(t, r.err, odd+`": it was modified`)
			guest.gone(team...)
			host.until("nothing was given up", func(s protocol.Status) bool {
				if s.Buried != 0 || s.Troubles != 0 {
					t.Errorf("%+v", s)
				}
				return true
			})
			contains(t, host.exits(0, "run").out, "nothing redone")
			host.exact()
		})
	}
}

func TestFault62AHostThatJoinsReadsItsOwnInputAlone(t *testing.T) {
	t.Parallel()
	host := newFolder(t)
	guest := host.guest()
	host.texts(4)
	guest.texts(4)
	host.exits(0, "stream:seed")
	r := guest.exits(2, "workers:join", "-job="+host.job().ID)
	contains(t, r.err, fmt.Sprintf("%q, which is not in the input of this folder", filepath.Join(host.dir, "data", "text 000.txt")))
	contains(t, r.err, "WORDCOUNT_INPUT")
	lacks(t, r.err, "workers:spawn")
	host.exits(0, "run")
	host.exact()
}

func TestFault58ADeviceOrFIFONamedAsTheInputExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	check.Must(t, exec.Command("mkfifo", filepath.Join(f.dir, "fifo")).Run())
	for _, input := range []string{"/dev/zero", "/dev/null", "fifo"} {
		r := f.exits(2, "run", "-input="+input)
		contains(t, r.err, fmt.Sprintf("%q is neither a file nor a folder", input))
	}
	contains(t, f.exits(2, "run", "-input=/proc/cpuinfo").err, `"/proc/cpuinfo": its size is 0, and yet it has contents`)
}
