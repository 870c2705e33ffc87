package plan

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// Manifest is the ordered list of a job's input files. It is what "the input" means, from planning
// to verification.
type Manifest struct {
	Inputs []string     // what was named: absolute paths and patterns, sorted
	Files  []input.File // sorted by the bytes of their paths
	Bytes  int64        // in total

	// Cuts are the offsets, by path, at which compressed files are cut nevertheless: zstd files, where
	// their frames begin.
	Cuts map[string][]int64

	// Skipped is what was found and is not in Files, sorted by path. The job's name doesn't depend
	// on it.
	Skipped []Skipped
}

// Changed returns how the first file differs that is not what the manifest says, or can't be found
// any more; nil if there is none. It doesn't ask S3: no byte of another version was ever counted.
func (m Manifest) Changed() *input.ChangedError {
	changes := make([]*input.ChangedError, len(m.Files))
	parallel(len(m.Files), func(from, to int) {
		var folder input.Folder
		defer folder.Close()
		for i := from; i < to; i++ {
			f := m.Files[i]
			if f.ETag != "" {
				continue
			}
			now, err := folder.Stat(f.Path)
			if err == nil {
				err = f.Compare(now)
			}
			if changed, ok := errors.AsType[*input.ChangedError](err); ok {
				changes[i] = changed
			} else if err != nil {
				changes[i] = &input.ChangedError{Path: f.Path, How: input.Describe(err)}
			}
		}
	})
	return cmp.Or(changes...)
}

// fewFiles: up to this many files, starting goroutines takes longer than it saves.
const fewFiles = 100

// parallel calls do for ranges that make up 0 to n-1, one for each processor if that is worth while, and
// returns when all calls have returned.
func parallel(n int, do func(from, to int)) {
	parts := 1
	if n > fewFiles {
		parts = runtime.GOMAXPROCS(0)
	}
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { do(i*n/parts, (i+1)*n/parts) })
	}
	all.Wait()
}

// NameOf names inputs for people, in one line: the first one, and how many more there are.
func NameOf(inputs []string) string {
	if len(inputs) == 0 {
		return "nothing"
	}
	name := strconv.Quote(inputs[0])
	if more := len(inputs) - 1; more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

// WriteTo writes the manifest as text: a line for each input, then a line "size mtime path" for each
// file. Paths are quoted as in Go. Before the path stand the inode, if a file may grow, "whole", if
// it is compressed and never cut, or "cut:" and where it is cut, and the ETag of an object.
func (m Manifest) WriteTo(w io.Writer) (int64, error) {
	var line []byte
	for _, name := range m.Inputs {
		line = append(strconv.AppendQuote(line, name), '\n')
	}
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
		if cuts := m.Cuts[f.Path]; len(cuts) > 0 {
			line = appendCuts(line, cuts)
		} else if f.Whole {
			line = append(line, whole+" "...)
		}
		if f.ETag != "" {
			line = append(append(append(line, etag...), f.ETag...), ' ')
		}
		line = append(appendQuote(line, f.Path), '\n')
	}
	n, _ := b.Write(line)
	return total + int64(n), b.Flush()
}

// Text returns what WriteTo writes.
func (m Manifest) Text() []byte {
	const numbers = 48 // bytes of a line, about, without the path
	size := 0
	for _, f := range m.Files {
		size += numbers + len(f.Path)
	}
	var text bytes.Buffer
	text.Grow(size)  // or a buffer of some MiB is copied again and again
	m.WriteTo(&text) // which never fails
	return text.Bytes()
}

const (
	whole = "whole" // what the manifest says of a compressed file that is never cut
	cut   = "cut:"  // what stands in front of where one is cut
	etag  = "etag:" // what stands in front of the version of an object
)

func appendCuts(to []byte, cuts []int64) []byte {
	to = append(to, cut...)
	for _, at := range cuts {
		to = append(strconv.AppendInt(to, at, 10), ',')
	}
	to[len(to)-1] = ' '
	return to
}

// parseCuts reads what stands behind "cut:" of a file of this size.
func parseCuts(text string, size int64) (cuts []int64, err error) {
	begin := int64(0)
	for number := range strings.SplitSeq(text, ",") {
		at, err := strconv.ParseInt(number, 10, 64)
		if err != nil || at <= begin || at >= size {
			return nil, fmt.Errorf("a file of %d bytes is not cut at %q behind %d", size, number, begin)
		}
		cuts, begin = append(cuts, at), at
	}
	return cuts, nil
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
	lines.Buffer(nil, math.MaxInt) // a large file may be cut very often
	for n := 1; lines.Scan(); n++ {
		line, err := lines.Text(), error(nil)
		if strings.HasPrefix(line, `"`) && len(m.Files) == 0 {
			var name string
			name, err = strconv.Unquote(line)
			m.Inputs = append(m.Inputs, name)
		} else {
			var f input.File
			var cuts []int64
			f, cuts, err = parseFile(line)
			m.Files, m.Bytes = append(m.Files, f), m.Bytes+f.Size
			m.cut(f.Path, cuts)
		}
		if err != nil {
			return Manifest{}, fmt.Errorf("manifest line %d: %w", n, err)
		}
	}
	return m, lines.Err()
}

// cut notes where a file is cut, if it is.
func (m *Manifest) cut(path string, cuts []int64) {
	if len(cuts) == 0 {
		return
	}
	if m.Cuts == nil {
		m.Cuts = map[string][]int64{}
	}
	m.Cuts[path] = cuts
}

func parseFile(line string) (f input.File, cuts []int64, err error) {
	facts, path, ok := strings.Cut(line, ` "`)
	fields := strings.Fields(facts)
	if !ok || len(fields) < 2 {
		return f, nil, errors.New("not size, mtime and path")
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
	if len(more) > 0 && (more[0] == whole || strings.HasPrefix(more[0], cut)) {
		f.Whole = true
		if at, isCut := strings.CutPrefix(more[0], cut); isCut && err == nil {
			cuts, err = parseCuts(at, f.Size)
		}
		more = more[1:]
	}
	if len(more) > 0 && strings.HasPrefix(more[0], etag) {
		f.ETag, more = more[0][len(etag):], more[1:]
	}
	if len(more) > 0 && err == nil {
		err = fmt.Errorf("more than is known of a file: %q", more)
	}
	return f, cuts, err
}
