package wordcount

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Scan lists the regular files of input, which is one file or a folder with whatever folders are in it, and what of it is
// not counted, each with the reason.
//
// A link to a file counts as a file of its own: what is listed twice is counted twice, as cat would. A link to a
// folder inside is not followed, so a loop can't hang the scan; FIFOs, sockets and devices are never opened. The folder
// state is left out, and so is every other state folder that is found.
//
// The error wraps ErrInput and names the file, or the pattern that is malformed.
func Scan(input, state string, sel Selection) (Manifest, error) {
	globs, err := compile(sel.Exclude)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrInput, err)
	}
	root, err := filepath.Abs(input)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrInput, err)
	}
	// A folder that is named through a link is meant.
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s: name a file or a folder that exists", ErrInput, plain(err))
	}
	if info, err := os.Stat(top); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return Manifest{}, fmt.Errorf("%w: %s is neither a file nor a folder: name one", ErrInput, strconv.Quote(input))
	}
	if state != "" {
		state = real(state)
	}
	w := walk{below: len(strings.TrimSuffix(top, "/")) + 1, state: state, globs: globs, sel: sel, found: newLooks(sel)}
	if info, statErr := os.Lstat(top); statErr != nil {
		err = statErr
	} else if info.IsDir() {
		err = w.folder(top)
	} else {
		w.found.add(top, false)
	}
	entries := w.found.wait()
	m := Manifest{Root: root, Files: make([]File, 0, len(entries)), Skipped: w.skipped}
	for _, e := range entries {
		switch {
		case e.err != nil:
			err = cmp.Or(err, e.err)
		case e.skip != "":
			m.Skipped = append(m.Skipped, Skipped{e.path, e.skip})
		default:
			m.Files = append(m.Files, e.file)
			m.Bytes += e.file.Size
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return Manifest{}, fmt.Errorf("%w: %s: WORDCOUNT_SKIP=unreadable counts what you may read", ErrInput, plain(err))
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s", ErrInput, plain(err))
	}
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(m.Skipped, func(a, b Skipped) int { return cmp.Compare(a.Path, b.Path) })
	return m, nil
}

// walk goes through the folders of an input.
type walk struct {
	below   int // where the part of a path begins that is below the input
	state   string
	globs   []glob
	sel     Selection
	found   *looks
	skipped []Skipped
}

// folder hands on what is in a folder, and in those that are in it.
func (w *walk) folder(dir string) error {
	if dir == w.state {
		w.skip(dir, whyState)
		return nil
	}
	entries, err := os.ReadDir(dir)
	switch {
	case w.sel.Skip.Unreadable && errors.Is(err, fs.ErrPermission):
		w.skip(dir, whyUnreadable)
		return nil
	case err != nil:
		return err
	case isState(dir, entries):
		w.skip(dir, whyState)
		return nil
	}
	for _, e := range entries {
		path := strings.TrimSuffix(dir, "/") + "/" + e.Name()
		if i := slices.IndexFunc(w.globs, func(g glob) bool { return g.matches(path[w.below:], e.IsDir()) }); i >= 0 {
			w.skip(path, w.globs[i].why)
		} else if !e.IsDir() {
			w.found.add(path, e.Type()&fs.ModeSymlink != 0)
		} else if err := w.folder(path); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) skip(path, why string) { w.skipped = append(w.skipped, Skipped{path, why}) }

// scanned is what a scan found, and made of it: a file, a reason to skip it, or an error.
type scanned struct {
	path string
	link bool
	file File
	skip string
	err  error
}

func (s *scanned) look(sel Selection) {
	now, err := stat(s.path)
	switch kind := now.mode & unix.S_IFMT; {
	case errors.Is(err, fs.ErrPermission):
		s.err = err
	case err != nil && s.link:
		s.skip = whyDangling
	case err != nil:
		s.err = err
	case kind == unix.S_IFDIR:
		s.skip = whyFolderLink
	case !now.regular:
		s.skip = whyNotRegular
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
		if sel.Growing {
			s.file.Inode = now.inode
		}
		if s.err == nil && sel.Skip.Binary {
			var binary bool
			if binary, s.err = isBinary(s.path); binary {
				s.skip = whyBinary
			}
		}
	}
	if sel.Skip.Unreadable && errors.Is(s.err, fs.ErrPermission) {
		s.skip, s.err = whyUnreadable, nil
	}
}

// binaryWithin is how many bytes of a file are looked at for a NUL: Git's rule (FIRST_FEW_BYTES in its xdiff-interface.c).
const binaryWithin = 8000

// isBinary tells whether a file is no text.
func isBinary(path string) (bool, error) {
	fd, _, err := openFile(context.Background(), path)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var buffer [binaryWithin]byte
	var n int
	err = restarted("read", path, func() (err error) {
		n, err = unix.Pread(fd, buffer[:], 0)
		return err
	})
	return bytes.IndexByte(buffer[:max(n, 0)], 0) >= 0, err
}

// looks are the entries of a scan, looked at while it goes on.
type looks struct {
	sel     Selection
	batches [][]scanned
	full    chan []scanned // those that somebody may look at
	busy    sync.WaitGroup
}

// lookAtOnce is how many entries are handed on together.
const lookAtOnce = 500

func newLooks(sel Selection) *looks {
	l := &looks{sel: sel, full: make(chan []scanned)}
	for range runtime.GOMAXPROCS(0) {
		l.busy.Go(func() {
			for batch := range l.full {
				l.look(batch)
			}
		})
	}
	return l
}

func (l *looks) look(batch []scanned) {
	for i := range batch {
		batch[i].look(l.sel)
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
		l.look(l.batches[last])
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
