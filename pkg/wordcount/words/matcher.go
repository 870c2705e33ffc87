package words

import (
	"regexp"
	"unicode/utf8"
)

// matcher gives the matches of a regular expression. It runs an automaton, and package regexp where
// that would become too large. Both find the same.
type matcher struct {
	expression *regexp.Regexp
	automaton  *automaton // nil if it became too large
}

func newMatcher(expression string) (*matcher, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, err
	}
	return &matcher{re, newAutomaton(expression)}, nil
}

// each gives what the first group matched in each match, or the matches if there is no group. The
// matches are those of FindAllSubmatch, without the empty ones.
func (m *matcher) each(value []byte, word func([]byte)) {
	given := 0
	for pos := 0; m.automaton != nil && pos <= len(value); {
		found, tooLarge := m.automaton.find(value, pos)
		switch {
		case tooLarge:
			m.automaton = nil
		case found.end < 0:
			return
		case found.end > pos:
			// The match may be empty, like that of $.
			if 0 <= found.from && found.from < found.to {
				word(value[found.from:found.to])
				given++
			}
			pos = found.end
		case pos == len(value):
			return
		default:
			_, size := utf8.DecodeRune(value[pos:])
			pos += size
		}
	}
	if m.automaton == nil {
		m.rest(value, given, word)
	}
}

// rest gives what each would give but for the first words, which were given before.
func (m *matcher) rest(value []byte, given int, word func([]byte)) {
	at := 0
	if m.expression.NumSubexp() > 0 {
		at = 2
	}
	for _, match := range m.expression.FindAllSubmatchIndex(value, -1) {
		if match[at] < 0 || match[at] == match[at+1] {
			continue
		}
		if given--; given < 0 {
			word(value[match[at]:match[at+1]])
		}
	}
}
