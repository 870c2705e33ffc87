package plan

import (
	"strings"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan/glob"
)

// Root is an input of which a worker may read everything, and nothing else.
type Root struct {
	top     string
	pattern glob.Pattern // of what may be read below top; the zero one: everything
}

// RootOf returns an input as a worker may read it. It asks nothing of S3.
func RootOf(name string) Root {
	if input.InS3(name) {
		u, err := s3.Parse(name)
		if err == nil {
			var at place
			if at, err = objectsBelow(u); err == nil {
				return Root{at.top, at.pattern}
			}
		}
		return Root{top: name}
	}
	if _, err := input.Stat(name); err != nil && glob.HasMeta(name) {
		folder, text := glob.Split(name)
		if p, err := glob.Parse(text); err == nil {
			return Root{input.RealPath(folder), p}
		}
	}
	return Root{top: input.RealPath(name)}
}

// Holds reports whether a path is in the input. The path of a file has no links to folders.
func (r Root) Holds(path string) bool {
	top := strings.TrimSuffix(r.top, "/")
	if path == top { // an object has no slash behind its key
		return r.pattern.IsZero()
	}
	below, in := strings.CutPrefix(path, top+"/")
	return in && (r.pattern.IsZero() || r.pattern.Holds(below))
}

// String names the input for people.
func (r Root) String() string { return quoted(r.top) }
