package wordcount

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Scan lists the regular files of input, which is one file or a folder with whatever folders are in it.
//
// A link to a file counts as a file of its own: what is listed twice is counted twice, as cat would. A link to a
// folder inside is not followed, so a loop can't hang the scan; FIFOs, sockets and devices are never opened. The
// folder exclude (our own state) is left out. Each of these is told to skipped, once, with its reason.
//
// The error wraps ErrInput and names the file.
func Scan(input, exclude string, skipped func(path, why string)) (Manifest, error) {
	root, err := filepath.Abs(input)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrInput, err)
	}
	// A folder that is named through a link is meant.
	walk, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s: name a file or a folder that exists", ErrInput, plain(err))
	}
	if info, err := os.Stat(walk); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return Manifest{}, fmt.Errorf("%w: %s is neither a file nor a folder: name one", ErrInput, strconv.Quote(input))
	}
	if exclude != "" {
		exclude = real(exclude)
	}
	found := newLooks()
	err = filepath.WalkDir(walk, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			found.add(path, d.Type()&fs.ModeSymlink != 0)
		case path == exclude:
			skipped(path, "the state of this folder's jobs")
			return fs.SkipDir
		}
		return nil
	})
	entries := found.wait()
	m := Manifest{Root: root, Files: make([]File, 0, len(entries))}
	for _, e := range entries {
		switch {
		case e.err != nil:
			err = cmp.Or(err, e.err)
		case e.skip != "":
			skipped(e.path, e.skip)
		default:
			m.Files = append(m.Files, e.file)
			m.Bytes += e.file.Size
		}
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s", ErrInput, plain(err))
	}
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return m, nil
}

// scanned is what a scan found, and made of it: a file, a reason to skip it, or an error.
type scanned struct {
	path string
	link bool
	file File
	skip string
	err  error
}

func (s *scanned) look() {
	now, err := stat(s.path)
	switch kind := now.mode & unix.S_IFMT; {
	case err != nil && s.link:
		s.skip = "a link that leads nowhere"
	case err != nil:
		s.err = err
	case kind == unix.S_IFDIR:
		s.skip = "a link to a folder"
	case !now.regular:
		s.skip = "not a regular file"
	default:
		const everyone = 0o444
		if now.size == 0 {
			now, s.err = checkEmpty(s.path)
		} else if now.mode&everyone != everyone { // else there is no need to ask
			if err := unix.Access(s.path, unix.R_OK); err != nil {
				s.err = &fs.PathError{Op: "read", Path: s.path, Err: err}
			}
		}
		s.file = File{Path: s.path, Size: now.size, MTime: now.mtime}
	}
}

// looks are the entries of a scan, looked at while it goes on.
type looks struct {
	batches [][]scanned
	full    chan []scanned // those that somebody may look at
	busy    sync.WaitGroup
}

// lookAtOnce is how many entries are handed on together.
const lookAtOnce = 500

func newLooks() *looks {
	l := &looks{full: make(chan []scanned)}
	for range runtime.GOMAXPROCS(0) {
		l.busy.Go(func() {
			for batch := range l.full {
				lookAt(batch)
			}
		})
	}
	return l
}

func lookAt(batch []scanned) {
	for i := range batch {
		batch[i].look()
	}
}

func (l *looks) add(path string, link bool) {
	last := len(l.batches) - 1
	if last < 0 || len(l.batches[last]) == lookAtOnce {
		l.batches = append(l.batches, make([]scanned, 0, lookAtOnce))
		last++
	}
	l.batches[last] = append(l.batches[last], scanned{path: path, link: link})
	if len(l.batches[last]) == lookAtOnce {
		l.full <- l.batches[last]
	}
}

// wait returns all entries once all are looked at.
func (l *looks) wait() []scanned {
	close(l.full)
	if last := len(l.batches) - 1; last >= 0 && len(l.batches[last]) < lookAtOnce {
		lookAt(l.batches[last])
	}
	l.busy.Wait()
	return slices.Concat(l.batches...)
}

// real is the path of a folder as a walk meets it, or as good as can be if the folder isn't there.
func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if there, err := filepath.EvalSymlinks(path); err == nil {
		path = there
	}
	return path
}

// plain is an error of the file system with its path quoted, for names may hold anything.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Sprintf("%s %s: %v", p.Op, strconv.Quote(p.Path), p.Err)
	}
	return err.Error()
}
