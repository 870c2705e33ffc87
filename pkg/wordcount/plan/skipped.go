package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Why files are skipped. The reason for a pattern names the pattern.
const (
	whyState      = "the state of wordcount's jobs"
	whyUnreadable = "unreadable"
	whyBinary     = "binary"
	whyFolderLink = "a link to a folder"
	whyDangling   = "a link that leads nowhere"
	whyNotRegular = "not a regular file"
	whyMark       = "the mark of a folder"
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

// Skips sums up what was skipped, the most frequent reason first.
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

// AppendSkipped appends a line for each path: the path, quoted as in Go, and the reason.
func AppendSkipped(to []byte, all []Skipped) []byte {
	for _, s := range all {
		to = append(appendQuote(to, s.Path), ' ')
		to = append(append(to, s.Why...), '\n')
	}
	return to
}

// ParseSkipped reads what AppendSkipped wrote.
func ParseSkipped(text string) (all []Skipped, err error) {
	for line := range strings.Lines(text) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		path, err := strconv.Unquote(quoted)
		why, ok := strings.CutPrefix(strings.TrimSuffix(line[len(quoted):], "\n"), " ")
		if err != nil || !ok {
			return nil, errors.New("a line is not a path and a reason")
		}
		all = append(all, Skipped{path, why})
	}
	return all, nil
}
