package claim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Checker checks a task before the worker opens a file of it. The zero value allows no file.
type Checker struct {
	tasks  *os.File // digests of the planned tasks; nil: the roots decide
	roots  []plan.Root
	except string // real path of a folder that may not be read; "": none

	dir, real string // the folder of the last path, and its real path
}

// NewChecker opens what a worker needs to check its tasks. The error wraps protocol.ErrState if the
// digests can't be read.
func NewChecker(t plan.Trust) (c Checker, err error) {
	if len(t.Tasks) > 0 {
		if c.tasks, err = os.Open(string(t.Tasks)); err != nil {
			return c, fmt.Errorf("%w: can't read what this folder planned: %s", protocol.ErrState, input.Describe(err))
		}
		return c, nil
	}
	for _, root := range t.Roots {
		c.roots = append(c.roots, plan.RootOf(string(root)))
	}
	if len(t.Except) > 0 {
		c.except = input.RealPath(string(t.Except))
	}
	return c, nil
}

// Close closes what NewChecker opened.
func (c *Checker) Close() {
	if c.tasks != nil {
		c.tasks.Close()
	}
}

// Check returns an error if the worker may not do a map task. With digests, the task must be
// exactly what this folder planned. Without digests, each path of the task must be inside the
// roots. The error wraps protocol.ErrState, or plan.ErrOutside for a file outside the roots.
func (c *Checker) Check(t Task) error {
	if c.tasks != nil {
		var planned plan.Digest
		if n, _ := c.tasks.ReadAt(planned[:], int64(t.Number-1)*int64(len(planned))); n < len(planned) || planned != t.digest {
			return fmt.Errorf("%w: map task %d is not what this folder planned: %s: another program writes to the job's keys", protocol.ErrState, t.Number, t)
		}
		return nil
	}
	for part := range t.Split.Ranges() {
		switch {
		case input.InS3(part.Path):
			if !c.allows(part.Path) {
				return c.outside(part.Path)
			}
		case !filepath.IsAbs(part.Path) || filepath.Clean(part.Path) != part.Path:
			return fmt.Errorf("%w: map task %d names %q, which is not a path that a scan finds", protocol.ErrState, t.Number, part.Path)
		case !c.holds(part.Path):
			return c.outside(part.Path)
		}
	}
	return nil
}

func (c *Checker) outside(path string) error {
	return fmt.Errorf("%w: it counts %q, which is not in the input of this folder, %v", plan.ErrOutside, path, c.roots)
}

// holds reports whether a path is in one of the roots, and not in the folder that may not be read. It
// follows the links to folders in the path first. It doesn't follow a link to a file, because a scan
// counts such a link as a file.
func (c *Checker) holds(path string) bool {
	if dir := filepath.Dir(path); dir != c.dir {
		there, err := filepath.EvalSymlinks(dir)
		if err != nil {
			there = dir // nothing can be opened there, and opening it will report that
		}
		c.dir, c.real = dir, there
	}
	path = filepath.Join(c.real, filepath.Base(path))
	if c.except != "" && within(c.except, path) {
		return false
	}
	return c.allows(path)
}

// allows reports whether a path is in one of the roots.
func (c *Checker) allows(path string) bool {
	return slices.ContainsFunc(c.roots, func(r plan.Root) bool { return r.Holds(path) })
}

func within(root, path string) bool {
	return path == root || strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/")
}
