package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan/glob"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// ErrForbidden reports that some of the input may not be read. Selection.Skip can leave that out.
var ErrForbidden = fmt.Errorf("%w: not everything in it may be read", protocol.ErrInput)

// Scan lists the regular files of the inputs. An input is a file, a folder with everything below it,
// or a pattern as [glob.ParseList] describes them, for the path of files and of such folders. What exists
// as it is written is no pattern. Scan also lists what is not counted, with the reasons.
//
// A path is counted once, also if several inputs lead to it. A link to a file has a path of its own,
// so a file with a link to it is counted twice, as cat would. A link to a folder is not followed, so
// no loop can hang the scan. FIFOs, sockets and devices are never opened. The folder state is left
// out, and so is every other state folder. Hidden files and folders are like all others.
//
// The error wraps ErrInput, and names the file or the malformed pattern. If ctx has ended, the error is
// its cause.
func Scan(ctx context.Context, inputs []string, state string, o Options) (Manifest, error) {
	exclude, err := glob.Compile(o.Exclude)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	if len(inputs) == 0 {
		return Manifest{}, fmt.Errorf("%w: no file and no folder is named", protocol.ErrInput)
	}
	if state != "" {
		state = input.RealPath(state)
	}
	s := scan{state: state, exclude: exclude, sel: o.Selection, found: newExaminer(ctx, o, slices.ContainsFunc(inputs, input.InS3))}
	var m Manifest
	for _, name := range inputs {
		var at place
		if at, err = locate(ctx, name); err == nil {
			m.Inputs = append(m.Inputs, at.name)
			err = s.add(ctx, at)
		}
		if err != nil {
			break
		}
	}
	entries := s.found.wait()
	if ctx.Err() != nil {
		return Manifest{}, context.Cause(ctx)
	}
	m.Skipped = s.skipped
	m.Files = s.found.files
	for e := range entries {
		switch {
		case e.err != nil:
			err = cmp.Or(err, e.err)
		case e.skip != "":
			m.Skipped = append(m.Skipped, Skipped{Path: e.path, Why: e.skip})
		default:
			m.Files = append(m.Files, e.file)
			m.cut(e.path, e.cuts)
		}
	}
	switch {
	case errors.Is(err, protocol.ErrInput):
		return Manifest{}, err
	case errors.Is(err, fs.ErrPermission):
		return Manifest{}, fmt.Errorf("%w: %s", ErrForbidden, input.Describe(err))
	case err != nil:
		return Manifest{}, fmt.Errorf("%w: %s", protocol.ErrInput, input.Describe(err))
	}
	m.settle()
	return m, nil
}

// settle sorts what was found. What several inputs lead to is there once, and what one of them counts
// isn't skipped.
func (m *Manifest) settle() {
	slices.Sort(m.Inputs)
	m.Inputs = slices.Compact(m.Inputs)
	slices.SortFunc(m.Files, func(a, b input.File) int { return strings.Compare(a.Path, b.Path) })
	m.Files = slices.CompactFunc(m.Files, func(a, b input.File) bool { return a.Path == b.Path })
	for _, f := range m.Files {
		m.Bytes += f.Size
	}
	slices.SortFunc(m.Skipped, func(a, b Skipped) int { return strings.Compare(a.Path, b.Path) })
	m.Skipped = slices.CompactFunc(m.Skipped, func(a, b Skipped) bool { return a.Path == b.Path })
	m.Skipped = slices.DeleteFunc(m.Skipped, func(s Skipped) bool {
		_, counted := slices.BinarySearchFunc(m.Files, s.Path, func(f input.File, path string) int { return strings.Compare(f.Path, path) })
		return counted
	})
}

// scan goes through the inputs.
type scan struct {
	state   string
	exclude []glob.Exclusion
	sel     Selection
	found   *examiner
	skipped []Skipped
}

// add adds an input.
func (s *scan) add(ctx context.Context, at place) error {
	if at.kind == aFile {
		s.found.add(input.Entry{Path: at.top, Info: at.info})
		return nil
	}
	w := walk{scan: s, place: at, below: len(strings.TrimSuffix(at.top, "/")) + 1, source: input.SourceOf(at.top, nil)}
	var err error
	if at.begin != "" {
		err = w.objects(ctx)
	} else {
		err = w.folder(ctx, at.top, at.kind == aFolder)
	}
	if err == nil && at.kind == aPattern && w.matched == 0 {
		err = fmt.Errorf("%w: no file and no folder matches %s", protocol.ErrInput, quoted(at.name))
	}
	return err
}

// walk goes through the folders of one input.
type walk struct {
	*scan
	place
	below   int // where the part of a path begins that is below the input
	source  input.Source
	matched int // what the pattern matches
}

// objects adds the objects of S3 that are below the input. A pattern for folders means what it means
// for files: the path of an object has its folders.
func (w *walk) objects(ctx context.Context) error {
	found := false
	for e, err := range w.source.List(ctx, w.begin) {
		if err != nil {
			return err
		}
		found = true
		w.object(e)
	}
	if !found && w.kind == aFolder {
		return fmt.Errorf("%w: there is no object %s, and none below it", protocol.ErrInput, quoted(w.name))
	}
	return nil
}

func (w *walk) object(e input.Entry) {
	name := e.Path[w.below:]
	if w.kind == aPattern && !w.pattern.Holds(name) {
		return
	}
	w.matched++
	if strings.HasSuffix(e.Path, "/") && e.Info.Size == 0 {
		w.skip(e.Path, whyMark)
		return
	}
	for at := range glob.Ancestors(name) {
		if i := slices.IndexFunc(w.exclude, func(x glob.Exclusion) bool { return x.Matches(name[:at], at < len(name)) }); i >= 0 {
			w.skipOnce(e.Path[:w.below+at], w.exclude[i].Why)
			return
		}
	}
	w.found.add(e)
}

// folder adds what is in a folder and in the folders below it: all of it, or what matches.
func (w *walk) folder(ctx context.Context, dir string, all bool) error {
	if dir == w.state || isState(dir) {
		w.skip(dir, whyState)
		return nil
	}
	for e, err := range w.source.List(ctx, dir) {
		if w.sel.Skip.Unreadable && errors.Is(err, fs.ErrPermission) {
			w.skip(dir, whyUnreadable)
			return nil
		}
		if err == nil {
			err = w.entry(ctx, e, all)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry adds a file, or a folder with everything below it.
func (w *walk) entry(ctx context.Context, e input.Entry, all bool) error {
	name := e.Path[w.below:]
	if !all && w.pattern.Matches(name) {
		w.matched++
		all = true
	}
	if !all && !(e.Folder && w.pattern.MayHold(name)) {
		return nil
	}
	if i := slices.IndexFunc(w.exclude, func(x glob.Exclusion) bool { return x.Matches(name, e.Folder) }); i >= 0 {
		w.skip(e.Path, w.exclude[i].Why)
		return nil
	}
	if e.Folder {
		return w.folder(ctx, e.Path, all)
	}
	w.found.add(e)
	return nil
}

// skipOnce is skip for a folder of which S3 lists each object.
func (s *scan) skipOnce(path, why string) {
	if last := len(s.skipped) - 1; last < 0 || s.skipped[last].Path != path {
		s.skip(path, why)
	}
}

func (s *scan) skip(path, why string) { s.skipped = append(s.skipped, Skipped{Path: path, Why: why}) }
