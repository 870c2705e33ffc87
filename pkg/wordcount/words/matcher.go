package words

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// matcher gives the matches of a regular expression. It runs an automaton, and package regexp where
// that would become too large. Both find the same.
type matcher struct {
	expression *regexp.Regexp
	automaton  *automaton // nil if it became too large
	lines      *automaton // likewise, or if there can't be one
}

func newMatcher(expression string) (*matcher, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, err
	}
	return &matcher{re, newAutomaton(expression, false), newAutomaton(expression, true)}, nil
}

// each gives what the first group matched in each match, or the matches if there is no group. The
// matches are those of FindAllSubmatch, without the empty ones.
func (m *matcher) each(value []byte, word func([]byte)) {
	if given := run(&m.automaton, value, word); m.automaton == nil {
		m.rest(value, given, word)
	}
}

// eachOfLines gives what each would give for each of the lines.
func (m *matcher) eachOfLines(lines []byte, word func([]byte)) {
	if given := run(&m.lines, lines, word); m.lines == nil {
		for line := range bytes.Lines(lines) {
			given = m.rest(bytes.TrimSuffix(line, []byte("\n")), given, word)
		}
	}
}

// run gives the words that an automaton finds. It returns how many that are, and forgets the automaton if
// that became too large.
func run(by **automaton, text []byte, word func([]byte)) (given int) {
	for pos := 0; *by != nil && pos <= len(text); {
		found, tooLarge := (*by).find(text, pos)
		switch {
		case tooLarge:
			*by = nil
		case found.end < 0:
			return given
		case found.end > pos:
			// The match may be empty, like that of $.
			if 0 <= found.from && found.from < found.to {
				word(text[found.from:found.to])
				given++
			}
			pos = found.end
		case pos == len(text):
			return given
		default:
			_, size := utf8.DecodeRune(text[pos:])
			pos += size
		}
	}
	return given
}

// rest gives what each would give, but for the first words, which were given before. It returns how many
// of the given words are not in the value.
func (m *matcher) rest(value []byte, given int, word func([]byte)) int {
	at := 0
	if m.expression.NumSubexp() > 0 {
		at = 2
	}
	for _, match := range m.expression.FindAllSubmatchIndex(value, -1) {
		switch {
		case match[at] < 0 || match[at] == match[at+1]:
		case given > 0:
			given--
		default:
			word(value[match[at]:match[at+1]])
		}
	}
	return given
}
