package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// checker checks tasks, before a file of theirs is opened. The zero value lets nothing be opened.
type checker struct {
	tasks  *os.File
	roots  []string // real paths, as a scan meets them
	except string

	dir, real string // the folder of the last path, and where that really is
}

// checker opens what a worker needs to check its tasks.
func newChecker(t plan.Trust) (c checker, err error) {
	if len(t.Tasks) > 0 {
		if c.tasks, err = os.Open(string(t.Tasks)); err != nil {
			return c, fmt.Errorf("%w: what this folder planned can't be read: %s", protocol.ErrState, input.Describe(err))
		}
		return c, nil
	}
	for _, root := range t.Roots {
		c.roots = append(c.roots, input.RealPath(string(root)))
	}
	if len(t.Except) > 0 {
		c.except = input.RealPath(string(t.Except))
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
		var planned plan.Digest
		if n, _ := c.tasks.ReadAt(planned[:], int64(t.Number-1)*int64(len(planned))); n < len(planned) || planned != t.digest {
			return fmt.Errorf("%w: map task %d is not what this folder planned: %s: somebody else writes to the job's keys", protocol.ErrState, t.Number, t)
		}
		return nil
	}
	for part := range t.split.Ranges() {
		switch {
		case !filepath.IsAbs(part.Path) || filepath.Clean(part.Path) != part.Path:
			return fmt.Errorf("%w: map task %d names %q, which no scan does", protocol.ErrState, t.Number, part.Path)
		case !c.holds(part.Path):
			return c.outside(part.Path)
		}
	}
	return nil
}

// ErrOutside reports that a job counts files which a worker that joined it may not read.
var ErrOutside = fmt.Errorf("%w", plan.ErrForeign)

func (c *checker) outside(path string) error {
	return fmt.Errorf("%w: it counts %q, which is not in the input of this folder, %q", ErrOutside, path, c.roots)
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
