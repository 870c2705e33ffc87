package wordcount

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// File is one input file as it was when the job was planned.
type File struct {
	Path  string // absolute; any bytes
	Size  int64  // bytes
	MTime int64  // modification time, nanoseconds since 1970
}

// Manifest is the ordered list of a job's input files: what "the input" means from planning to verification.
type Manifest struct {
	Root  string // the file or folder that was named, absolute
	Files []File // sorted by the bytes of their paths
	Bytes int64  // in total
}

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
	info, err := stat(s.path)
	switch kind := info.Mode & unix.S_IFMT; {
	case err != nil && s.link:
		s.skip = "a link that leads nowhere"
	case err != nil:
		s.err = err
	case kind == unix.S_IFDIR:
		s.skip = "a link to a folder"
	case kind != unix.S_IFREG:
		s.skip = "not a regular file"
	default:
		const everyone = 0o444
		if info.Mode&everyone != everyone { // else there is no need to ask
			if err := unix.Access(s.path, unix.R_OK); err != nil {
				s.err = &fs.PathError{Op: "read", Path: s.path, Err: err}
			}
		}
		s.file = File{Path: s.path, Size: info.Size, MTime: info.Mtim.Nano()}
	}
}

// stat follows links. It is a bare system call, as of an input.
func stat(path string) (info unix.Stat_t, err error) {
	err = restarted("stat", path, func() error { return unix.Stat(path, &info) })
	return info, err
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

// fewFiles are looked at sooner than others could be asked to help.
const fewFiles = 100

// sideBySide does something for 0 to n-1, on all processors if that is worth while.
func sideBySide(n int, do func(i int)) {
	if n <= fewFiles {
		for i := range n {
			do(i)
		}
		return
	}
	var all sync.WaitGroup
	step := runtime.GOMAXPROCS(0)
	for first := range step {
		all.Go(func() {
			for i := first; i < n; i += step {
				do(i)
			}
		})
	}
	all.Wait()
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

// Changed returns the first file that isn't any more what the manifest says, and how; "" if all are.
func (m Manifest) Changed() (path, how string) {
	changes := make([]string, len(m.Files))
	sideBySide(len(m.Files), func(i int) {
		info, err := stat(m.Files[i].Path)
		if err != nil {
			changes[i] = plain(err)
		} else {
			changes[i] = m.Files[i].compare(info.Size, info.Mtim.Nano())
		}
	})
	for i, how := range changes {
		if how != "" {
			return m.Files[i].Path, how
		}
	}
	return "", ""
}

// compare says how a file differs from what the manifest has; "" if it doesn't.
func (f File) compare(size, mtime int64) string {
	switch {
	case size != f.Size:
		return fmt.Sprintf("its size was %d bytes and is %d", f.Size, size)
	case mtime != f.MTime:
		return "it was modified"
	}
	return ""
}

// WriteTo writes the manifest as text: the root, then a line "size mtime path" a file, paths quoted as in Go.
func (m Manifest) WriteTo(w io.Writer) (int64, error) {
	line := append(strconv.AppendQuote(nil, m.Root), '\n')
	total := int64(0)
	b := bufio.NewWriter(w) // its first error is the one of Flush
	for _, f := range m.Files {
		n, _ := b.Write(line)
		total += int64(n)
		line = append(strconv.AppendInt(line[:0], f.Size, 10), ' ')
		line = append(strconv.AppendInt(line, f.MTime, 10), ' ')
		line = append(appendQuote(line, f.Path), '\n')
	}
	n, _ := b.Write(line)
	return total + int64(n), b.Flush()
}

// appendQuote is strconv.AppendQuote, and several times as fast where there is nothing to escape.
func appendQuote(to []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(to, s)
		}
	}
	return append(append(append(to, '"'), s...), '"')
}

// ReadManifest reads what WriteTo wrote.
func ReadManifest(r io.Reader) (Manifest, error) {
	var m Manifest
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20) // a path is 4 KiB at the most, four times that when quoted
	for n := 1; lines.Scan(); n++ {
		line, err := lines.Text(), error(nil)
		if n == 1 {
			m.Root, err = strconv.Unquote(line)
		} else {
			var f File
			f, err = parseFile(line)
			m.Files, m.Bytes = append(m.Files, f), m.Bytes+f.Size
		}
		if err != nil {
			return Manifest{}, fmt.Errorf("manifest line %d: %w", n, err)
		}
	}
	return m, lines.Err()
}

func parseFile(line string) (f File, err error) {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) != 3 {
		return f, errors.New("not size, mtime and path")
	}
	var sizeErr, timeErr, pathErr error
	f.Size, sizeErr = strconv.ParseInt(parts[0], 10, 64)
	f.MTime, timeErr = strconv.ParseInt(parts[1], 10, 64)
	f.Path, pathErr = strconv.Unquote(parts[2])
	return f, errors.Join(sizeErr, timeErr, pathErr)
}
