package wordcount

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Selection says which files of an input are counted, and how far. The zero value selects each regular file, whole.
type Selection struct {
	Exclude []string // globs, as ParseGlobs describes them
	Skip    Skip
	Growing bool // a file may grow during the run; it is counted up to the size that it had when the job was planned
}

// Skip says which files are left out where they would otherwise end the run, now or later.
type Skip struct {
	Unreadable bool // files and folders that this user may not read
	Binary     bool // files with a NUL byte near their beginning; this costs a read a file
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

// Why files are skipped. Patterns have reasons of their own, which name them.
const (
	whyState      = "the state of wordcount's jobs"
	whyUnreadable = "unreadable"
	whyBinary     = "binary"
	whyFolderLink = "a link to a folder"
	whyDangling   = "a link that leads nowhere"
	whyNotRegular = "not a regular file"
)

// Skipped is a file or a folder of the input that isn't counted.
type Skipped struct {
	Path string // absolute; any bytes
	Why  string // one line
}

// SkippedFor is what was skipped for one reason.
type SkippedFor struct {
	Why   string   `json:"why"`
	Count int      `json:"count"` // files, and folders with all that is in them
	First []string `json:"first"` // a few paths, quoted as in Go
}

// skippedShown is how many paths are named for each reason.
const skippedShown = 3

// Skips sums up what was skipped: the most frequent reason first.
func (m Manifest) Skips() []SkippedFor {
	var sums []SkippedFor
	index := map[string]int{}
	for _, s := range m.Skipped {
		i, ok := index[s.Why]
		if !ok {
			i = len(sums)
			index[s.Why] = i
			sums = append(sums, SkippedFor{Why: s.Why})
		}
		if sums[i].Count++; sums[i].Count <= skippedShown {
			sums[i].First = append(sums[i].First, strconv.Quote(s.Path))
		}
	}
	slices.SortFunc(sums, func(a, b SkippedFor) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Why, b.Why))
	})
	return sums
}

// String is the sum for people, in one line.
func (s SkippedFor) String() string {
	line := fmt.Sprintf("%d (%s): %s", s.Count, s.Why, strings.Join(s.First, ", "))
	if more := s.Count - len(s.First); more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}

// glob is one pattern of what is left out.
type glob struct {
	pattern string
	why     string
	path    bool // matched against the path below the input, else against the last name of the path
	folder  bool // matches folders only
}

// ParseGlobs reads patterns, one a line or with commas between them; in {a,b}, and after a backslash, a comma is part of
// its pattern. A pattern means what it means in .gitignore, except that it only leaves out:
//
//	*.gz       without a slash: files and folders of this name, wherever they are
//	a/*.log    with a slash: this path below the input, whose * doesn't match a slash
//	/a         a slash in front: only where the input begins
//	a/**/b     ** is any number of folders, also none
//	a/         a slash at the end: folders only
//	[a-z] ? {a,b} \*    a class, one character, alternatives, the character itself
//
// A folder that matches is left out with all that is in it. The input itself is never left out.
func ParseGlobs(text string) ([]string, error) {
	var patterns []string
	depth, escaped, begin := 0, false, 0
	add := func(end int) {
		if p := strings.TrimSpace(text[begin:end]); p != "" {
			patterns = append(patterns, p)
		}
	}
	for i, c := range []byte(text) {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == '\n', c == ',' && depth <= 0:
			add(i)
			depth, begin = 0, i+1
		}
	}
	add(len(text))
	_, err := compile(patterns)
	return patterns, err
}

// compile makes the patterns ready.
func compile(patterns []string) ([]glob, error) {
	globs := make([]glob, len(patterns))
	for i, p := range patterns {
		text, folder := strings.CutSuffix(p, "/")
		name, rooted := strings.CutPrefix(text, "/")
		switch {
		case strings.HasPrefix(p, "!"):
			return nil, fmt.Errorf(`the pattern %s: patterns can't bring files back; for a name that begins with ! write \!`, strconv.Quote(p))
		case name == "" || !doublestar.ValidatePattern(name):
			return nil, fmt.Errorf("the pattern %s is malformed", strconv.Quote(p))
		}
		globs[i] = glob{name, "excluded by " + strconv.Quote(p), rooted || strings.Contains(name, "/"), folder}
	}
	return globs, nil
}

// matches tells whether the pattern leaves out a path below the input.
func (g glob) matches(path string, folder bool) bool {
	if g.folder && !folder {
		return false
	}
	if !g.path {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	return doublestar.MatchUnvalidated(g.pattern, path)
}

// isState tells whether a folder is the state folder of one of our working folders: there are passwords in it, and it
// changes while jobs run. Its name may be any, so what is in it decides: a server that we started, or jobs and the name of
// the last one.
func isState(dir string, entries []fs.DirEntry) bool {
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	}
	var jobs, last bool
	for _, e := range entries {
		switch e.Name() {
		case "redis":
			if e.IsDir() && (there("redis/server.json") || there("redis/password") && there("redis/lock")) {
				return true
			}
		case "jobs":
			jobs = e.IsDir()
		case "last":
			last = e.Type().IsRegular() && namesJob(filepath.Join(dir, "last"))
		}
	}
	return jobs && last
}

// namesJob tells whether the first line of a file is the name of a job.
func namesJob(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	line := make([]byte, 17) // the name and the end of the line
	n, _ := io.ReadFull(file, line)
	name, ok := strings.CutSuffix(string(line[:n]), "\n")
	return ok && CheckID(name) == nil
}

// appendSkipped writes a line a path: the path, quoted as in Go, and the reason.
func appendSkipped(to []byte, all []Skipped) []byte {
	for _, s := range all {
		to = append(appendQuote(to, s.Path), ' ')
		to = append(append(to, s.Why...), '\n')
	}
	return to
}

// parseSkipped is the opposite of appendSkipped.
func parseSkipped(text string) (all []Skipped, err error) {
	for line := range strings.Lines(text) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		path, err := strconv.Unquote(quoted)
		why, ok := strings.CutPrefix(strings.TrimSuffix(line[len(quoted):], "\n"), " ")
		if err != nil || !ok {
			return nil, errors.New("not a path and a reason")
		}
		all = append(all, Skipped{path, why})
	}
	return all, nil
}
