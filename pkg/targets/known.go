package targets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// notOptions begin the names that this module has for its own processes and tests.
var notOptions = []string{"WORDCOUNT_ROLE", "WORDCOUNT_TEST_", "WORDCOUNT_SWEEP", "WORDCOUNT_PROPERTIES"}

// onlyKnown refuses a variable that looks like an option and is none: a name with a typing error would change nothing,
// without a word.
func onlyKnown(environment []string) error {
	for _, setting := range environment {
		name, value, _ := strings.Cut(setting, "=")
		if value == "" || !strings.HasPrefix(name, "WORDCOUNT_") ||
			slices.ContainsFunc(variables, func(v variable) bool { return v.name == name }) ||
			slices.ContainsFunc(notOptions, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			continue
		}
		advice := "mage env shows all"
		if near := nearest(name); near != "" {
			advice = "did you mean " + near + "?"
		}
		return fmt.Errorf("%w: there is no option %s: %s", protocol.ErrInput, name, advice)
	}
	return nil
}

// nearest is the variable that a name was probably meant to be; "" if none is near.
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

// distance is how many letters have to be put in, taken out or replaced to make one word of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from the letters of a so far to each beginning of b
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
