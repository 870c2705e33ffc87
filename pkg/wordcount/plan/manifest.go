package plan

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// Manifest is the ordered list of a job's input files. It is what "the input" means, from planning
// to verification.
type Manifest struct {
	Root  string       // the file or folder that was named, absolute
	Files []input.File // sorted by the bytes of their paths
	Bytes int64        // in total

	// Skipped is what was found and is not in Files, sorted by path. The job's name doesn't depend
	// on it.
	Skipped []Skipped
}

// Compressed returns how many of the files are compressed.
func (m Manifest) Compressed() (n int) {
	for _, f := range m.Files {
		if f.Compression != input.Plain {
			n++
		}
	}
	return n
}

// Changed returns how the first file differs that is not what the manifest says, or can't be found
// any more; nil if there is none.
func (m Manifest) Changed() *input.ChangedError {
	changes := make([]*input.ChangedError, len(m.Files))
	parallel(len(m.Files), func(i int) {
		now, err := input.Stat(m.Files[i].Path)
		if err == nil {
			err = m.Files[i].Compare(now)
		}
		if changed, ok := errors.AsType[*input.ChangedError](err); ok {
			changes[i] = changed
		} else if err != nil {
			changes[i] = &input.ChangedError{Path: m.Files[i].Path, How: input.Describe(err)}
		}
	})
	return cmp.Or(changes...)
}

// fewFiles: up to this many files, starting goroutines takes longer than it saves.
const fewFiles = 100

// parallel calls do for 0 to n-1, on all processors if that is worth while, and returns when all
// calls have returned.
func parallel(n int, do func(i int)) {
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

// WriteTo writes the manifest as text: a line with the root, then a line "size mtime path" for each
// file. Paths are quoted as in Go. Before the path stand the inode, if a file may grow, and the
// compression, if it has one.
func (m Manifest) WriteTo(w io.Writer) (int64, error) {
	line := append(strconv.AppendQuote(nil, m.Root), '\n')
	total := int64(0)
	b := bufio.NewWriter(w) // Flush returns the first error
	for _, f := range m.Files {
		n, _ := b.Write(line)
		total += int64(n)
		line = append(strconv.AppendInt(line[:0], f.Size, 10), ' ')
		line = append(strconv.AppendInt(line, f.MTime, 10), ' ')
		if f.MayGrow() {
			line = append(strconv.AppendUint(line, f.Inode, 10), ' ')
		}
		if f.Compression != input.Plain {
			line = append(append(line, f.Compression.String()...), ' ')
		}
		line = append(appendQuote(line, f.Path), '\n')
	}
	n, _ := b.Write(line)
	return total + int64(n), b.Flush()
}

// appendQuote is strconv.AppendQuote, but several times as fast if nothing has to be escaped.
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
	lines.Buffer(nil, 1<<20) // a path has at most 4 KiB, and quotes at most four times as many
	for n := 1; lines.Scan(); n++ {
		line, err := lines.Text(), error(nil)
		if n == 1 {
			m.Root, err = strconv.Unquote(line)
		} else {
			var f input.File
			f, err = parseFile(line)
			m.Files, m.Bytes = append(m.Files, f), m.Bytes+f.Size
		}
		if err != nil {
			return Manifest{}, fmt.Errorf("manifest line %d: %w", n, err)
		}
	}
	return m, lines.Err()
}

func parseFile(line string) (f input.File, err error) {
	facts, path, ok := strings.Cut(line, ` "`)
	fields := strings.Fields(facts)
	if !ok || len(fields) < 2 {
		return f, errors.New("not size, mtime and path")
	}
	var sizeErr, timeErr, pathErr error
	f.Size, sizeErr = strconv.ParseInt(fields[0], 10, 64)
	f.MTime, timeErr = strconv.ParseInt(fields[1], 10, 64)
	f.Path, pathErr = strconv.Unquote(`"` + path)
	err = errors.Join(sizeErr, timeErr, pathErr)
	more := fields[2:]
	if len(more) > 0 {
		if inode, notInode := strconv.ParseUint(more[0], 10, 64); notInode == nil {
			f.Inode, more = inode, more[1:]
		}
	}
	if len(more) > 0 && err == nil {
		f.Compression, err = input.ParseCompression(strings.Join(more, " "))
	}
	return f, err
}
