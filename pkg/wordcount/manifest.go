package wordcount

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
	m := Manifest{Root: root}
	err = filepath.WalkDir(walk, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == exclude {
				skipped(path, "the state of this folder's jobs")
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			info, err = os.Stat(path)
		}
		switch {
		case err != nil && d.Type()&fs.ModeSymlink != 0:
			skipped(path, "a link that leads nowhere")
			return nil
		case err != nil:
			return err
		case info.IsDir():
			skipped(path, "a link to a folder")
			return nil
		case !info.Mode().IsRegular():
			skipped(path, "not a regular file")
			return nil
		}
		if err := unix.Access(path, unix.R_OK); err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		m.Files = append(m.Files, File{Path: path, Size: info.Size(), MTime: info.ModTime().UnixNano()})
		m.Bytes += info.Size()
		return nil
	})
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s", ErrInput, plain(err))
	}
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return m, nil
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
	for _, f := range m.Files {
		info, err := os.Stat(f.Path)
		if err != nil {
			return f.Path, plain(err)
		}
		if how := f.compare(info); how != "" {
			return f.Path, how
		}
	}
	return "", ""
}

// compare says how a file differs from what the manifest has; "" if it doesn't.
func (f File) compare(now fs.FileInfo) string {
	switch {
	case now.Size() != f.Size:
		return fmt.Sprintf("its size was %d bytes and is %d", f.Size, now.Size())
	case now.ModTime().UnixNano() != f.MTime:
		return "it was modified"
	}
	return ""
}

// WriteTo writes the manifest as text: the root, then a line "size mtime path" a file, paths quoted as in Go.
func (m Manifest) WriteTo(w io.Writer) (int64, error) {
	b := bufio.NewWriter(w)
	n, err := fmt.Fprintf(b, "%q\n", m.Root)
	total := int64(n)
	for _, f := range m.Files {
		if err != nil {
			break
		}
		n, err = fmt.Fprintf(b, "%d %d %q\n", f.Size, f.MTime, f.Path)
		total += int64(n)
	}
	return total, errors.Join(err, b.Flush())
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
