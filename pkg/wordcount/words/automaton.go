package words

import (
	"bytes"
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// automaton finds matches as package regexp does, several times as fast. It is made from the same
// program, regexp/syntax.Prog, while it runs: a state is what that program's threads are at between
// two characters, in the order of their priority, and an edge is what a character of one class does
// to them. So both prefer the same match. Each thread has two registers, where the word begins and
// ends; edges say how they move.
//
// Ville Laurikari describes such automata in "NFAs with tagged transitions, their conversion to
// deterministic automata and application to regular expressions" (SPIRE 2000).
//
// The automaton for lines takes a line end for the end of a text, and finds what there is in any of
// the lines. The expression may not ask about neighbours then: so each line is searched from the same
// state on, and a line end without a match leads back to it.
type automaton struct {
	prog    *syntax.Prog
	lines   bool           // it is the automaton for lines
	looks   syntax.EmptyOp // all that the program asks about the neighbours of a position
	group   uint32         // the number of the group that is the word: 0 or 1
	classes *classes

	states []state
	starts [len(kindMembers)]start // where searches begin, by the kind before
	known  map[string]uint32       // the number of the state with these threads
	row    uint32                  // entries of a state in table: one for each class, one for the end
	table  []uint32                // from a state's first entry: plain edges, or special and an index in edges
	edges  []edge
	cells  int // the memory and the work that the automaton took, in entries of table

	registers []register // of each thread; they are changed in place
	next      step       // kept for its memory
}

const (
	special = 1 << 31
	unknown = 1<<32 - 1 // this edge has not been made
	// maxCells bounds an automaton to some MiB and some seconds. Expressions as people write them
	// take some thousands.
	maxCells = 1 << 19

	lines      = syntax.EmptyBeginLine | syntax.EmptyEndLine
	wordBounds = syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
	searching  = ^uint32(0) // in place of an instruction: the thread that begins a match anywhere
	none       = ^uint32(0)
)

// start is where a search begins.
type start struct {
	at   uint32 // the first entry of the state; none if it hasn't been made
	skip skipper
}

// state is what is between two characters.
type state struct {
	before  kind
	threads []uint32 // the next instruction of each
	skip    skipper
}

// skipper says which characters don't matter in a state.
type skipper struct {
	// only is the only byte that doesn't lead back to the state and change nothing: 0 to 127. It is
	// noByte if there is none, and manyBytes if there are several.
	only int
	// unless has the bytes after it that then lead back, so that the two don't matter. It may be
	// nil.
	unless *[256]bool
	// pair says which bytes after it don't lead back, if these are one or two. It may be nil.
	pair *pair
}

const (
	noByte    = -1
	manyBytes = -2
)

// edge is more than a plain edge, which only leads to a state.
type edge struct {
	to    uint32  // the first entry of the next state; none if no thread is left
	skip  skipper // that of the next state
	moves []move  // in an order in which each reads its register before another one changes it
	match bool    // there is a match, and no thread with less priority counts
	last  move    // of the match
	// again has the bytes after this character that do the same once more. Of these matches the last
	// one counts. It is nil if the edge leads to another state, or there is no match.
	again *byteSet
}

// move says what the registers of a thread become.
type move struct {
	to   int // the thread
	from int // the thread before, or fresh
	// The word begins or ends here.
	begin, end bool
}

// fresh stands in from for a thread that has just begun to match: both of its registers are -1.
const fresh = -1

type register struct{ begin, end int }

// kind is what expressions can ask about the character before a position.
type kind byte

const (
	other kind = iota
	nothing
	newline
	wordCharacter
)

// kindMembers has a character of each kind.
var kindMembers = [...]rune{other: ' ', nothing: -1, newline: '\n', wordCharacter: 'a'}

// kindOf tells apart only what the program asks about.
func kindOf(r rune, looks syntax.EmptyOp) kind {
	switch {
	case r < 0:
		if looks&(syntax.EmptyBeginText|syntax.EmptyBeginLine) != 0 {
			return nothing
		}
	case r == '\n':
		if looks&lines != 0 {
			return newline
		}
	case syntax.IsWordChar(r):
		if looks&wordBounds != 0 {
			return wordCharacter
		}
	}
	return other
}

// newAutomaton returns the automaton for one text or for lines. It returns nil if there is none: the
// expression is too large, or asks about what an automaton for lines doesn't know.
func newAutomaton(expression string, ofLines bool) *automaton {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	group := uint32(min(parsed.MaxCap(), 1))
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	a := &automaton{prog: prog, lines: ofLines, group: group, known: map[string]uint32{}}
	for i := range prog.Inst {
		if prog.Inst[i].Op == syntax.InstEmptyWidth {
			a.looks |= syntax.EmptyOp(prog.Inst[i].Arg)
		}
	}
	if a.classes = newClasses(prog, a.looks); a.classes == nil || ofLines && a.looks != 0 {
		return nil
	}
	if ofLines {
		a.classes.ascii['\n'] = uint8(a.classes.end())
	}
	a.row = uint32(a.classes.end()) + 1
	for k := range a.starts {
		a.starts[k].at = none
	}
	a.next.seen, a.next.added = make([]uint32, len(prog.Inst)), make([]uint32, len(prog.Inst))
	return a
}

// found is the word of a match, and where the match ends. from is -1 if the group is not part of
// the match. end is -1 if there is no match.
type found struct{ from, to, end int }

// find finds the first match that begins at pos or after it. Too large means that it found out
// nothing, because the automaton exceeded its memory.
func (a *automaton) find(text []byte, pos int) (match found, tooLarge bool) {
	match.end = -1
	before := rune(-1)
	if pos > 0 {
		before = rune(text[pos-1]) // beyond ASCII all are of one kind
		if before >= utf8.RuneSelf {
			before = utf8.RuneSelf
		}
	}
	begin := &a.starts[kindOf(before, a.looks)]
	if begin.at == none {
		begin.at = a.state(kindOf(before, a.looks), []uint32{searching})
		begin.skip = a.states[begin.at/a.row].skip
	}
	at, ascii, table := begin.at, &a.classes.ascii, a.table
	pos = begin.skip.skip(text, pos)
	for {
		var to uint32
		var class, size int
		if pos < len(text) && text[pos] < utf8.RuneSelf { // as classes.at has it
			class, size = int(ascii[text[pos]]), 1
		} else {
			class, size = a.classes.at(text, pos)
		}
		if to = table[at+uint32(class)]; to < special {
			at = to
			pos += size
			continue
		}
		if to == unknown {
			if a.cells > maxCells {
				return match, true
			}
			to = a.edge(at, class)
			table = a.table
		}
		if to < special {
			at = to
			pos += size
			continue
		}
		e := &a.edges[to&^special]
		if e.again != nil {
			if n := e.again.span(text[pos+size:]); n > 0 {
				pos, size = pos+size+n-1, 1
			}
		}
		if e.match {
			r := a.moved(e.last, pos)
			match = found{r.begin, r.end, pos}
			if a.group == 0 {
				match.to = pos
			}
		}
		if e.to == none {
			if match.end >= 0 || pos >= len(text) {
				return match, false
			}
			at, pos = begin.at, begin.skip.skip(text, pos+1) // a line has ended
			continue
		}
		for _, m := range e.moves {
			a.registers[m.to] = a.moved(m, pos)
		}
		at = e.to
		if pos += size; e.skip.only != manyBytes { // skip isn't inlined
			pos = e.skip.skip(text, pos)
		}
	}
}

func (a *automaton) moved(m move, pos int) register {
	r := register{-1, -1}
	if m.from != fresh {
		r = a.registers[m.from]
	}
	if m.begin {
		r.begin = pos
	}
	if m.end {
		r.end = pos
	}
	return r
}

// skip returns the position of the next character that matters.
func (s *skipper) skip(text []byte, pos int) int {
	switch {
	case s.pair != nil:
		return s.pair.next(text, pos)
	case s.only == manyBytes:
		return pos
	case s.only == noByte:
		return len(text)
	}
	for {
		n := bytes.IndexByte(text[pos:], byte(s.only))
		if n < 0 {
			return len(text)
		}
		pos += n
		if s.unless == nil || pos+1 == len(text) || !s.unless[text[pos+1]] {
			return pos
		}
		pos += 2
	}
}

// state returns the first entry of the state with these threads, and makes it if need be.
func (a *automaton) state(before kind, threads []uint32) uint32 {
	key := append(a.next.key[:0], byte(before))
	for _, t := range threads {
		key = binary.LittleEndian.AppendUint32(key, t)
	}
	a.next.key = key
	if at, ok := a.known[string(key)]; ok {
		return at
	}
	s := state{before: before, threads: slices.Clone(threads)}
	at := uint32(len(a.table))
	for range a.row {
		a.table = append(a.table, unknown)
	}
	a.known[string(key)] = at
	a.cells += int(a.row)*(1+len(a.prog.Inst)/32) + 2*len(threads)
	for len(a.registers) < len(threads) {
		a.registers = append(a.registers, register{})
	}

	s.skip = a.skipper(s)
	a.states = append(a.states, s)
	return at
}

func (a *automaton) skipper(s state) skipper {
	begins := len(s.threads) == 1 && s.threads[0] == searching
	only, returns := noByte, make([]bool, a.row)
	for class := range returns {
		a.next.run(a, s, class)
		returns[class] = a.next.stays(s) || begins && a.ends(class) && !a.next.match
	}
	for i, r := range a.classes.starts {
		if r >= utf8.RuneSelf && !returns[a.classes.of[i]] {
			return skipper{only: manyBytes}
		}
	}
	for b, class := range a.classes.ascii {
		if returns[class] {
			continue
		}
		if only != noByte {
			return skipper{only: manyBytes}
		}
		only = b
	}
	if only == noByte || !begins {
		return skipper{only: only}
	}
	// The state has no registers, so that nothing else can have changed on the way back.
	a.next.run(a, s, int(a.classes.ascii[only]))
	if a.next.match {
		return skipper{only: only}
	}
	second := state{before: a.next.before, threads: slices.Clone(a.next.threads)}
	for class := range returns {
		a.next.run(a, second, class)
		returns[class] = !a.next.match && (a.ends(class) || a.next.before == s.before && slices.Equal(a.next.threads, s.threads))
	}
	unless := new([256]bool)
	var others []byte
	for b, class := range a.classes.ascii {
		if unless[b] = returns[class]; !unless[b] {
			others = append(others, byte(b))
		}
	}
	return skipper{only, unless, a.pair(s, second, byte(only), others, returns)}
}

// ends reports whether a class is that of line ends, behind which the search begins again.
func (a *automaton) ends(class int) bool { return a.lines && class == a.classes.end() }

// pair returns what leads on from the state after the first byte, which was read in state s, if that can be
// said so.
func (a *automaton) pair(s, after state, first byte, others []byte, returns []bool) *pair {
	for i, r := range a.classes.starts {
		if r >= utf8.RuneSelf && !returns[a.classes.of[i]] {
			return nil
		}
	}
	// The first byte once more is no way on if it ends what the one before has begun, and begins the same.
	if i := slices.Index(others, first); i >= 0 {
		a.next.run(a, after, int(a.classes.ascii[first]))
		old := func(m move) bool { return m.from != fresh }
		if a.next.match || s.before != after.before || a.next.before != after.before ||
			!slices.Equal(a.next.threads, after.threads) || slices.ContainsFunc(a.next.moves, old) {
			return nil
		}
		others = slices.Delete(others, i, i+1)
	}
	switch len(others) {
	case 1:
		return &pair{first, others[0], others[0]}
	case 2:
		return &pair{first, others[0], others[1]}
	}
	return nil
}

// edge makes the edge of a class, and returns its entry.
func (a *automaton) edge(at uint32, class int) uint32 {
	a.next.run(a, a.states[at/a.row], class)
	e := edge{to: none, skip: skipper{only: manyBytes}, moves: inOrder(a.next.moves), match: a.next.match, last: a.next.last}
	if len(a.next.threads) > 0 {
		e.to = a.state(a.next.before, slices.Clone(a.next.threads))
		e.skip = a.states[e.to/a.row].skip
	}
	if e.match && e.to == at && len(e.moves) == 0 {
		e.again = a.again(a.states[at/a.row], e.last)
	}
	entry := e.to
	if e.match || e.to == none || len(e.moves) > 0 || e.skip.only != manyBytes {
		entry = special | uint32(len(a.edges))
		a.edges = append(a.edges, e)
		a.cells += 32 + 8*len(e.moves)
	}
	a.table[at+uint32(class)] = entry
	return entry
}

// again has the bytes that lead from a state back to it, and change nothing but that there is this match.
func (a *automaton) again(s state, match move) *byteSet {
	same := make([]bool, a.row)
	for class := range same {
		a.next.run(a, s, class)
		same[class] = a.next.match && a.next.last == match && a.next.returns(s)
	}
	a.cells += int(a.row) * (1 + len(a.prog.Inst)/32)
	again := new(byteSet)
	for b, class := range a.classes.ascii {
		if same[class] {
			again.add(byte(b))
		}
	}
	return again
}

// inOrder returns the moves that change anything. Threads keep their order, so from never
// decreases, but for fresh threads. Therefore moves to higher numbers come first, the highest first
// of all, and then those to lower numbers, the lowest first of all.
func inOrder(all []move) (moves []move) {
	for _, m := range slices.Backward(all) {
		if m.from != fresh && m.from < m.to {
			moves = append(moves, m)
		}
	}
	for _, m := range all {
		if m.from > m.to || m.from == m.to && (m.begin || m.end) {
			moves = append(moves, m)
		}
	}
	for _, m := range all {
		if m.from == fresh {
			moves = append(moves, m)
		}
	}
	return moves
}
