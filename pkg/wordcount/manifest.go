package wordcount

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// File is one input file as it was when the job was planned.
type File struct {
	Path  string // absolute; any bytes
	Size  int64  // bytes
	MTime int64  // modification time, nanoseconds since 1970
	Inode uint64 // if the file may grow: which one it is, on its file system; else 0
}

// Manifest is the ordered list of a job's input files: what "the input" means from planning to verification.
type Manifest struct {
	Root  string // the file or folder that was named, absolute
	Files []File // sorted by the bytes of their paths
	Bytes int64  // in total

	// Skipped is what was found and isn't in Files, sorted by path. The job's name doesn't depend on it.
	Skipped []Skipped
}

// Changed returns the first file that isn't any more what the manifest says, and how; "" if all are.
func (m Manifest) Changed() (path, how string) {
	changes := make([]string, len(m.Files))
	sideBySide(len(m.Files), func(i int) {
		now, err := stat(m.Files[i].Path)
		if err != nil {
			changes[i] = plain(err)
		} else {
			changes[i] = m.Files[i].compare(now)
		}
	})
	for i, how := range changes {
		if how != "" {
			return m.Files[i].Path, how
		}
	}
	return "", ""
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

// mayGrow tells whether the file may grow after the job was planned. It is counted up to its planned size.
func (f File) mayGrow() bool { return f.Inode != 0 }

// grew ends what is said of a file that seems to have grown, and might be allowed to.
const grew = ", so it grew"

// compare says how a file differs from what the manifest has; "" if it doesn't. Nobody else decides that.
//
// Of a file that may grow, a larger size and a later time are no difference. It is not noticed if such a file was
// overwritten where it was planned and grew as well, if it was emptied and has grown beyond its planned size since, or if
// another file took its place that is larger and got the same inode, because the first one was deleted.
func (f File) compare(now found) string {
	switch {
	case !now.regular:
		return "it is not a regular file any more"
	case f.mayGrow() && now.inode != f.Inode:
		return "another file took its place"
	case f.mayGrow() && now.size > f.Size && now.mtime >= f.MTime:
		return ""
	case now.size != f.Size:
		how := fmt.Sprintf("its size was %d bytes and is %d", f.Size, now.size)
		if now.size > f.Size && now.mtime >= f.MTime {
			how += grew
		}
		return how
	case now.mtime != f.MTime:
		return fmt.Sprintf("it was modified: its time was %s and is %s", timeText(f.MTime), timeText(now.mtime))
	case now.longer:
		return fmt.Sprintf("its size is %d bytes, and yet there are more", f.Size)
	}
	return ""
}

// orPlanned adds to the advice about a file that changed: if it grew, there is another way.
func orPlanned(how string) string {
	if !strings.Contains(how, grew) {
		return ""
	}
	return ", or with WORDCOUNT_GROWING=planned, which counts files that grow up to the size that they had at first"
}

// timeText is a time of modification for people.
func timeText(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format("2006-01-02 15:04:05.999999999Z")
}

// WriteTo writes the manifest as text: the root, then a line "size mtime path" a file, paths quoted as in Go. Of a file
// that may grow its inode stands before the path.
func (m Manifest) WriteTo(w io.Writer) (int64, error) {
	line := append(strconv.AppendQuote(nil, m.Root), '\n')
	total := int64(0)
	b := bufio.NewWriter(w) // its first error is the one of Flush
	for _, f := range m.Files {
		n, _ := b.Write(line)
		total += int64(n)
		line = append(strconv.AppendInt(line[:0], f.Size, 10), ' ')
		line = append(strconv.AppendInt(line, f.MTime, 10), ' ')
		if f.mayGrow() {
			line = append(strconv.AppendUint(line, f.Inode, 10), ' ')
		}
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
	var sizeErr, timeErr, inodeErr, pathErr error
	f.Size, sizeErr = strconv.ParseInt(parts[0], 10, 64)
	f.MTime, timeErr = strconv.ParseInt(parts[1], 10, 64)
	path := parts[2]
	if inode, quoted, ok := strings.Cut(path, " "); ok && !strings.HasPrefix(path, `"`) {
		f.Inode, inodeErr = strconv.ParseUint(inode, 10, 64)
		path = quoted
	}
	f.Path, pathErr = strconv.Unquote(path)
	return f, errors.Join(sizeErr, timeErr, inodeErr, pathErr)
}
