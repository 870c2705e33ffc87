package wordcount

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Trust tells a worker which files it may open. It comes from the process that started the worker, because anybody may have
// written what Redis says of a task. The worker opens nothing else. Paths are bytes, because JSON would change a path that is
// not UTF-8.
//
// A worker of the folder that planned the job has the digest of each task: what it was told is what was planned, to the last
// byte, however many files there are. One that joined from elsewhere has no plan. It is told which folders and files it may
// read.
type Trust struct {
	Tasks  []byte   // the file of digests, see Folder; none: Roots count
	Roots  [][]byte // files and folders whose regular files may be read, those of links to folders not
	Except []byte   // a folder in them that may not: our own state
	// Joined: the files of this host may be others than the job's, one of them or all. What is wrong with them is no reason to
	// give up a task, whatever else this host has counted: a worker gives it back then, and ends. The workers of the folder
	// that planned the job decide.
	Joined bool
}

// errForeign: this host has other files than the job's, or may not read them.
var errForeign = fmt.Errorf("%w: this host's files are not the job's", ErrInput)

// digest stands for all that a task says.
type digest [16]byte

func digestOf(paths, numbers string) (d digest) {
	sum := sha256.Sum256([]byte(paths + "\x00\x00" + numbers)) // no path is empty, so it is clear where they end
	copy(d[:], sum[:])
	return d
}

// digests are those of all tasks, one after the other.
func digests(splits []Split) []byte {
	all := make([]byte, 0, len(splits)*len(digest{}))
	for _, s := range splits {
		d := digestOf(s.entry())
		all = append(all, d[:]...)
	}
	return all
}

// checker checks tasks, before a file of theirs is opened. The zero value finds nothing wrong.
type checker struct {
	tasks  *os.File
	roots  []string // real paths, as a scan meets them
	except string
	strict bool

	dir, real string // the folder of the last path, and where that really is
}

// checker opens what a worker needs to check its tasks.
func (t Trust) checker() (c checker, err error) {
	c.strict = true
	if len(t.Tasks) > 0 {
		if c.tasks, err = os.Open(string(t.Tasks)); err != nil {
			return c, fmt.Errorf("%w: what this folder planned can't be read: %s", ErrState, plain(err))
		}
		return c, nil
	}
	for _, root := range t.Roots {
		c.roots = append(c.roots, real(string(root)))
	}
	if len(t.Except) > 0 {
		c.except = real(string(t.Except))
	}
	return c, nil
}

func (c *checker) close() {
	if c.tasks != nil {
		c.tasks.Close()
	}
}

// check is about a map task.
func (c *checker) check(t task) error {
	if c.tasks != nil {
		var planned digest
		if n, _ := c.tasks.ReadAt(planned[:], int64(t.n-1)*int64(len(planned))); n < len(planned) || planned != t.digest {
			return fmt.Errorf("%w: map task %d is not what this folder planned: %s: somebody else writes to the job's keys", ErrState, t.n, t)
		}
		return nil
	}
	for part := range t.split.Parts() {
		switch {
		case !c.strict:
		case !filepath.IsAbs(part.Path) || filepath.Clean(part.Path) != part.Path:
			return fmt.Errorf("%w: map task %d names %q, which no scan does", ErrState, t.n, part.Path)
		case !c.holds(part.Path):
			return c.outside(part.Path)
		}
	}
	return nil
}

func (c *checker) outside(path string) error {
	return fmt.Errorf("%w: it counts %q, which is not in the input of this folder, %q: name that by WORDCOUNT_INPUT or -input=", errForeign, path, c.roots)
}

// holds tells whether a path is in one of the roots, wherever the folders in it lead. A link to a file is a file, as in a
// scan.
func (c *checker) holds(path string) bool {
	if dir := filepath.Dir(path); dir != c.dir {
		there, err := filepath.EvalSymlinks(dir)
		if err != nil {
			there = dir // there is nothing to be opened, and that will be said
		}
		c.dir, c.real = dir, there
	}
	path = filepath.Join(c.real, filepath.Base(path))
	if c.except != "" && within(c.except, path) {
		return false
	}
	for _, root := range c.roots {
		if within(root, path) {
			return true
		}
	}
	return false
}

func within(root, path string) bool {
	return path == root || strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/")
}

// inBounds refuses a task that no plan has: nothing of it was checked by the time that it is read.
func (s Split) inBounds() error {
	for part := range s.Parts() {
		switch {
		case part.Size < 0 || part.Off < 0 || part.Off > part.Size || part.Len < 0 || part.Len > part.Size-part.Off:
			return fmt.Errorf("%q: %d bytes at %d of %d", part.Path, part.Len, part.Off, part.Size)
		}
	}
	return nil
}

// stranger tells whether an error of a task may be this host's alone.
func stranger(cause error) bool { return errors.Is(cause, errChanged) || errors.Is(cause, errUnread) }
