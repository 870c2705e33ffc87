package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// ErrForbidden reports that some of the input may not be read. Selection.Skip can leave that out.
var ErrForbidden = fmt.Errorf("%w: not everything in it may be read", protocol.ErrInput)

// Scan lists the regular files of path, which is one file, or a folder with everything below it. It
// also lists what is not counted, with the reasons.
//
// A link to a file counts as a file of its own: a file that is listed twice is counted twice, as
// cat would. A link to a folder is not followed, so no loop can hang the scan. FIFOs, sockets and
// devices are never opened. The folder state is left out, and so is every other state folder.
//
// The error wraps ErrInput, and names the file or the malformed pattern.
func Scan(path, state string, sel Selection) (Manifest, error) {
	globs, err := compile(sel.Exclude)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	root, err := filepath.Abs(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	// A link that is named itself is followed.
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s: name a file or a folder that exists", protocol.ErrInput, input.Describe(err))
	}
	if info, err := os.Stat(top); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return Manifest{}, fmt.Errorf("%w: %s is neither a file nor a folder: name one", protocol.ErrInput, strconv.Quote(path))
	}
	if state != "" {
		state = input.RealPath(state)
	}
	w := walk{below: len(strings.TrimSuffix(top, "/")) + 1, state: state, globs: globs, sel: sel, found: newExaminer(sel)}
	if info, statErr := os.Lstat(top); statErr != nil {
		err = statErr
	} else if info.IsDir() {
		err = w.folder(top)
	} else {
		w.found.add(top, false)
	}
	entries := w.found.wait()
	m := Manifest{Root: root, Files: make([]input.File, 0, len(entries)), Skipped: w.skipped}
	for _, e := range entries {
		switch {
		case e.err != nil:
			err = cmp.Or(err, e.err)
		case e.skip != "":
			m.Skipped = append(m.Skipped, Skipped{Path: e.path, Why: e.skip})
		default:
			m.Files = append(m.Files, e.file)
			m.Bytes += e.file.Size
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return Manifest{}, fmt.Errorf("%w: %s", ErrForbidden, input.Describe(err))
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %s", protocol.ErrInput, input.Describe(err))
	}
	slices.SortFunc(m.Files, func(a, b input.File) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(m.Skipped, func(a, b Skipped) int { return cmp.Compare(a.Path, b.Path) })
	return m, nil
}

// walk goes through the folders of an input.
type walk struct {
	below   int // where the part of a path begins that is below the input
	state   string
	globs   []glob
	sel     Selection
	found   *examiner
	skipped []Skipped
}

// folder adds what is in a folder and in the folders below it.
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

func (w *walk) skip(path, why string) { w.skipped = append(w.skipped, Skipped{Path: path, Why: why}) }
