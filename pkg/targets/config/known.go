package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// notOptions are the beginnings of names that this module uses for its own processes and tests.
var notOptions = []string{"WORDCOUNT_ROLE", "WORDCOUNT_FUNCTION", "WORDCOUNT_TEST_", "WORDCOUNT_SWEEP", "WORDCOUNT_PROPERTIES", history.Variable}

// onlyKnown refuses a variable that looks like an option and is none. Without this check, a
// misspelt name would silently change nothing.
func onlyKnown(environment []string) error {
	for _, setting := range environment {
		name, value, _ := strings.Cut(setting, "=")
		if value == "" || !strings.HasPrefix(name, "WORDCOUNT_") ||
			slices.ContainsFunc(variables, func(v variable) bool { return v.name == name }) ||
			slices.ContainsFunc(notOptions, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			continue
		}
		advice := show.Typed("{mage} env shows all")
		if near := nearest(name); near != "" {
			advice = "did you mean " + near + "?"
		}
		return fmt.Errorf("%w: there is no option %s: %s", protocol.ErrInput, name, advice)
	}
	return nil
}

// nearest returns the variable whose name is most similar to a wrong name, or "" if none is
// similar.
func nearest(name string) string {
	const most = 3 // letters that differ
	near, by := "", most+1
	for _, v := range variables {
		if d := distance(name, v.name); d < by {
			near, by = v.name, d
		}
	}
	return near
}

// distance returns how many letters must be inserted, deleted or replaced to turn one word into
// another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from the first letters of a to each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
