package words

import (
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// classes puts characters together that an expression can't tell apart. The class after the last
// one is that of the end of a text.
type classes struct {
	ascii   [utf8.RuneSelf]uint8
	starts  []rune  // where the ranges of characters begin that have one class
	of      []uint8 // the class of each range
	members []rune  // a character of each class
	beyond  int     // the class of all characters beyond ASCII, or -1 if they have several
}

// maxClasses is the number of classes that an expression may need, and still have an automaton, and
// maxWork the number of comparisons to find them.
const (
	maxClasses = 128
	maxWork    = 1 << 20
)

// newClasses returns nil if the expression tells too many characters apart.
func newClasses(prog *syntax.Prog, looks syntax.EmptyOp) *classes {
	starts := []rune{0, utf8.RuneSelf}
	between := func(low, high rune) { starts = append(starts, low, high+1) }
	var tests []*syntax.Inst // each kind of instruction once
	for i := range prog.Inst {
		inst := &prog.Inst[i]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		default:
			continue
		}
		if slices.ContainsFunc(tests, func(t *syntax.Inst) bool {
			return t.Op == inst.Op && t.Arg == inst.Arg && slices.Equal(t.Rune, inst.Rune)
		}) {
			continue
		}
		tests = append(tests, inst)
		switch runes := inst.Rune; {
		case inst.Op == syntax.InstRuneAnyNotNL:
			between('\n', '\n')
		case len(runes) == 1:
			between(runes[0], runes[0])
			for r := unicode.SimpleFold(runes[0]); r != runes[0]; r = unicode.SimpleFold(r) {
				between(r, r)
			}
		default:
			for i := 0; i+1 < len(runes); i += 2 {
				between(runes[i], runes[i+1])
			}
		}
		if len(starts)*len(tests) > maxWork {
			return nil
		}
	}
	if looks&lines != 0 {
		between('\n', '\n')
	}
	if looks&wordBounds != 0 {
		between('0', '9')
		between('A', 'Z')
		between('_', '_')
		between('a', 'z')
	}
	starts = slices.DeleteFunc(starts, func(r rune) bool { return r > unicode.MaxRune })
	slices.Sort(starts)
	starts = slices.Compact(starts)

	c := &classes{starts: starts, of: make([]uint8, len(starts))}
	known := map[string]uint8{}
	signature := make([]byte, len(tests)+1)
	for i, r := range starts {
		for t, inst := range tests {
			signature[t] = 0
			if inst.MatchRune(r) {
				signature[t] = 1
			}
		}
		signature[len(tests)] = byte(kindOf(r, looks))
		class, ok := known[string(signature)]
		if !ok {
			if len(c.members) == maxClasses {
				return nil
			}
			class = uint8(len(c.members))
			known[string(signature)] = class
			c.members = append(c.members, r)
		}
		c.of[i] = class
	}
	for r := range rune(utf8.RuneSelf) {
		c.ascii[r] = uint8(c.search(r))
	}
	c.beyond = c.search(utf8.RuneSelf)
	for i, r := range starts {
		if r >= utf8.RuneSelf && int(c.of[i]) != c.beyond {
			c.beyond = -1
		}
	}
	return c
}

// end is the class of the end of a text.
func (c *classes) end() int { return len(c.members) }

// at returns the class of the character at a position, and its size.
func (c *classes) at(text []byte, pos int) (class, size int) {
	if pos == len(text) {
		return c.end(), 0
	}
	if b := text[pos]; b < utf8.RuneSelf {
		return int(c.ascii[b]), 1
	}
	r, size := utf8.DecodeRune(text[pos:])
	if c.beyond >= 0 {
		return c.beyond, size
	}
	return c.search(r), size
}

func (c *classes) search(r rune) int {
	i, found := slices.BinarySearch(c.starts, r)
	if !found {
		i--
	}
	return int(c.of[i])
}
