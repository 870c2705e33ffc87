package plan

import (
	"fmt"
	"strings"
)

// Selection says which files of an input are counted, and how far. The zero value selects every
// regular file, as a whole.
type Selection struct {
	Exclude []string // globs, as glob.ParseList describes them
	Skip    Skip
	Growing bool // files may grow during the run; each is counted up to its size at planning
}

// Skip says which files are left out, although they would otherwise end the run, now or later.
type Skip struct {
	Unreadable bool // files and folders that this user may not read
	Binary     bool // files with a NUL byte near their beginning; compressed ones are unpacked for it
}

// ParseSkip reads a list as "unreadable,binary".
func ParseSkip(text string) (s Skip, err error) {
	for word := range strings.SplitSeq(text, ",") {
		switch word = strings.TrimSpace(word); word {
		case "unreadable":
			s.Unreadable = true
		case "binary":
			s.Binary = true
		default:
			return s, fmt.Errorf("%q: write unreadable, binary or both, with a comma between", word)
		}
	}
	return s, nil
}

// String is the list that ParseSkip reads.
func (s Skip) String() string {
	var words []string
	if s.Unreadable {
		words = append(words, "unreadable")
	}
	if s.Binary {
		words = append(words, "binary")
	}
	return strings.Join(words, ",")
}
