package wordcount

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// The sweep strikes at each operation on the files of the store, too. A double of the store does
// that in the process that is attacked: a proxy can't see files.
//
//	WORDCOUNT_SWEEP=worker/reduce/before/flip/read.3

// fileAccidents are the accidents at operations on files.
var fileAccidents = []string{
	"die",      // the process is killed, and another takes its place
	"vanish",   // the file is deleted
	"truncate", // it loses its second half
	"flip",     // one of its bits flips
	"swap",     // another map output of the run takes its place, or the mark of another run
	"foreign",  // the map output of that name of another run does
	"full",     // the disk is full, and is so still when it is written to again
	"broken",   // an input or output error, likewise
}

// failures is how many operations in a row fail where the disk is full or broken.
const failures = 3

// fileOps are the operations on files. Those that write fail where the disk is full, and the others
// where it is broken. There is a file before those that are early, and after those that are late.
var fileOps = map[string]struct{ writes, early, late bool }{
	"mkdir":     {writes: true},
	"mark":      {writes: true, late: true},
	"create":    {writes: true, late: true},
	"write":     {writes: true, early: true, late: true},
	"rename":    {writes: true, early: true, late: true},
	"abort":     {early: true},
	"check":     {}, // of a folder
	"look":      {}, // opening what isn't there
	"open":      {early: true, late: true},
	"open-mark": {early: true, late: true},
	"read":      {early: true, late: true},
	"read-mark": {early: true, late: true},
	"remove":    {early: true},
	"removeall": {},
}

// harms tells whether the accident leaves a file that is lost.
func (a accident) harms() bool {
	return slices.Contains([]string{"vanish", "truncate", "flip", "swap", "foreign"}, a.what)
}

// kindOf is what a point is a case of: a command or an operation, without its number.
func kindOf(point string) string {
	kind, _, _ := strings.Cut(point, ".")
	return kind
}

// onFiles tells whether the accident happens at an operation on files, and not at a command.
func (a accident) onFiles() bool {
	_, ok := fileOps[kindOf(a.point)]
	return ok
}

// possible tells whether an accident can happen at an operation on files.
func (a accident) possible() bool {
	op := fileOps[kindOf(a.point)]
	exists := a.when == "before" && op.early || a.when == "after" && op.late
	switch a.what {
	case "die":
		return true
	case "full":
		return op.writes
	case "broken":
		return !op.writes
	case "truncate", "flip":
		at := a.when + " " + kindOf(a.point)
		return exists && at != "after create" && at != "before write" // where it is empty
	}
	return exists
}

// fileTrace is a file in which an attacked process writes its operations on files, and that the
// accident has happened. So its successor doesn't strike again.
type fileTrace string

const struckLine = "struck"

func (f fileTrace) add(line string) error {
	file, err := os.OpenFile(string(f), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(file, line)
		err = errors.Join(err, file.Close())
	}
	return err
}

func (f fileTrace) lines() []string {
	text, _ := os.ReadFile(string(f)) // none: nothing has happened
	return strings.Fields(string(text))
}

func (f fileTrace) struck() bool { return slices.Contains(f.lines(), struckLine) }

// double stands between a store and its folder, and lets the accident happen.
type double struct {
	backend.Backend
	*striker
}

type striker struct {
	accident
	dir   string // the store
	trace fileTrace

	mu      sync.Mutex
	seen    map[string]int
	failing int // so many operations that can fail are still to fail
}

// strikeAtFiles lets the accident happen to this process, in the store in dir.
func strikeAtFiles(a accident, dir string, trace fileTrace) {
	s := &striker{accident: a, dir: dir, trace: trace, seen: map[string]int{}}
	backend.Behind = func(opened string, folder backend.Backend) backend.Backend {
		if opened != dir {
			return folder
		}
		return double{folder, s}
	}
}

// around does an operation on a file, and lets the accident happen if it is its turn.
func (s *striker) around(op, path string, do func() error) error {
	if _, err := os.Stat(filepath.Join(s.dir, path)); op == "open" && err != nil {
		op = "look"
	} else if filepath.Base(path) == "mark" && (op == "open" || op == "read") {
		op += "-mark"
	}
	s.mu.Lock()
	s.seen[op]++
	point := fmt.Sprintf("%s.%d", op, s.seen[op])
	fails := s.failing > 0 && fileOps[op].writes == (s.what == "full")
	if fails {
		s.failing--
	}
	s.mu.Unlock()
	if err := s.trace.add(point); err != nil {
		return err
	}
	switch {
	case fails:
		return s.errno()
	case point != s.point || s.trace.struck():
		return do()
	case s.when == "before":
		if err := s.strike(path); err != nil {
			return err
		}
		return do()
	}
	err := do()
	if failed := s.strike(path); failed != nil {
		return failed
	}
	return err
}

func (s *striker) errno() error {
	if s.what == "full" {
		return syscall.ENOSPC
	}
	return syscall.EIO
}

// strike lets the accident happen to a file, and returns the error that the operation has from it.
func (s *striker) strike(path string) error {
	file := filepath.Join(s.dir, path)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		file += ".part"
	}
	happened := func() error { return s.trace.add(struckLine) }
	switch s.what {
	case "die":
		if err := happened(); err != nil {
			return err
		}
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "full", "broken":
		s.mu.Lock()
		s.failing = failures - 1
		s.mu.Unlock()
		return errors.Join(s.errno(), happened())
	}
	if err := s.harm(file, path); err != nil {
		fmt.Fprintln(os.Stderr, "no accident:", err)
		return nil // it hasn't happened, and the test says so
	}
	return happened()
}

// harm damages a file, whose final path in the store is path.
func (s *striker) harm(file, path string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	switch s.what {
	case "vanish":
		return os.Remove(file)
	case "truncate":
		return os.Truncate(file, int64(len(text)/2))
	case "flip":
		if len(text) == 0 {
			return errors.New("no bit to flip")
		}
		text[len(text)/2] ^= 1
		return os.WriteFile(file, text, 0o600)
	}
	if text, err = s.another(path); err != nil {
		return err
	}
	other := file + ".other"
	return errors.Join(os.WriteFile(other, text, 0o600), os.Rename(other, file))
}

// another is the content of a map output that is whole, and another one than that at path.
func (s *striker) another(path string) ([]byte, error) {
	part := strings.Split(path, "/") // job, run, "map" or "result", name; or job, run, "mark"
	if len(part) < 4 {
		return []byte(protocol.NewNonce()), nil
	}
	job, run, folder, name := part[0], part[1], part[2], part[3]
	if s.what == "swap" {
		name = protocol.NewNonce()
	} else {
		run = protocol.NewNonce()
	}
	dir, err := os.MkdirTemp(filepath.Dir(string(s.trace)), "another")
	if err != nil {
		return nil, err
	}
	store, err := shuffle.Open(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	r, err := store.Run(job, run)
	if err == nil {
		err = errors.Join(r.PrepareResults(), r.Prepare())
	}
	if err != nil {
		return nil, err
	}
	write := writeMap
	if folder == "result" {
		write = writeResult
	}
	if err := write(r, name, sweepModes["reduce"].Reducers); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, job, run, folder, name))
}

func writeMap(r shuffle.Run, name string, partitions int) error {
	out, err := r.Create(name, partitions)
	if err != nil {
		return err
	}
	table := count.New()
	table.Add([]byte("seven"), 7)
	if err := out.Add(table); err != nil {
		return err
	}
	_, err = out.Finish()
	return err
}

// writeResult writes the file of the first partition.
func writeResult(r shuffle.Run, name string, partitions int) error {
	out, err := r.CreateResult(name, 0, partitions)
	if err != nil {
		return err
	}
	if err := out.Add(count.Entry{Word: "seven", N: 7}); err != nil {
		return err
	}
	_, err = out.Finish()
	return err
}

func (d double) MakeRoom(dir string) error {
	return d.around("mkdir", dir, func() error { return d.Backend.MakeRoom(dir) })
}

func (d double) Mark(maps, mark, content string) error {
	return d.around("mark", mark, func() error { return d.Backend.Mark(maps, mark, content) })
}

func (d double) Check(dir string) error {
	return d.around("check", dir, func() error { return d.Backend.Check(dir) })
}

func (d double) Create(path string, durable bool) (u backend.Upload, err error) {
	err = d.around("create", path, func() error {
		u, err = d.Backend.Create(path, durable)
		return err
	})
	if err != nil {
		if u != nil {
			u.Abort()
		}
		return nil, err
	}
	return doubleUpload{u, d.striker, path}, nil
}

func (d double) Open(path string) (o backend.Object, err error) {
	err = d.around("open", path, func() error {
		o, err = d.Backend.Open(path)
		return err
	})
	if err != nil {
		if o != nil {
			o.Close()
		}
		return nil, err
	}
	return doubleObject{o, d.striker, path}, nil
}

func (d double) Remove(path string) error {
	return d.around("remove", path, func() error { return d.Backend.Remove(path) })
}

func (d double) RemoveAll(dir string) error {
	return d.around("removeall", dir, func() error { return d.Backend.RemoveAll(dir) })
}

type doubleUpload struct {
	backend.Upload
	*striker
	path string
}

// Write writes a half if the disk gets full by it.
func (u doubleUpload) Write(b []byte) (n int, err error) {
	err = u.around("write", u.path, func() error {
		if u.what == "full" && u.point == fmt.Sprintf("write.%d", u.seen["write"]) && !u.trace.struck() {
			b = b[:len(b)/2]
		}
		n, err = u.Upload.Write(b)
		return err
	})
	return n, err
}

func (u doubleUpload) Finish() error { return u.around("rename", u.path, u.Upload.Finish) }
func (u doubleUpload) Abort() error  { return u.around("abort", u.path, u.Upload.Abort) }

type doubleObject struct {
	backend.Object
	*striker
	path string
}

func (o doubleObject) ReadAt(b []byte, off int64) (n int, err error) {
	end := error(nil)
	err = o.around("read", o.path, func() error {
		n, end = o.Object.ReadAt(b, off) // at the end of a file, it has read nevertheless
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, end
}

func TestEachKindOfAccidentIsInTheSample(t *testing.T) {
	t.Parallel()
	var all []accident
	for _, what := range fileAccidents {
		for op := range fileOps {
			for _, when := range []string{"before", "after"} {
				for n := range 30 {
					if a := (accident{"worker", "reduce", when, what, fmt.Sprintf("%s.%d", op, n)}); a.possible() {
						all = append(all, a)
					}
				}
			}
		}
	}
	some := sample(all)
	kinds := map[string]bool{}
	for _, a := range some {
		kinds[a.kind()] = true
	}
	for _, a := range all {
		if !kinds[a.kind()] {
			t.Errorf("%s is in no sample", a.kind())
		}
	}
	if len(some) > len(all)/4 {
		t.Errorf("%d of %d are no sample", len(some), len(all))
	}
}
