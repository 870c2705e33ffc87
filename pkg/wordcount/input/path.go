package input

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
)

// RealPath is the path of a folder without links, as a scan meets it. If the folder isn't there, it
// is the path as far as it can be known.
func RealPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if there, err := filepath.EvalSymlinks(path); err == nil {
		path = there
	}
	return path
}

// Describe says what is wrong with a file: with its path quoted, because names may hold anything,
// or of a changed file only how it changed.
func Describe(err error) string {
	if changed, ok := errors.AsType[*ChangedError](err); ok {
		return changed.How
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("%s %s: %v", p.Op, strconv.Quote(p.Path), p.Err)
	}
	return err.Error()
}
