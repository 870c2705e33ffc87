package words

import (
	"regexp/syntax"
	"slices"
)

// step is what one character does to the threads of a state, as package regexp runs them.
type step struct {
	before  kind     // the character
	threads []uint32 // that go on
	moves   []move   // their registers; the thread that searches has none
	match   bool
	last    move // the registers of the match

	a     *automaton
	r     rune           // the character, or -1 at the end of the text
	holds syntax.EmptyOp // what holds between the state's character and this one
	seen  []uint32       // by instruction: the round in which a thread was there
	added []uint32       // by instruction: the round in which a thread came there
	round uint32
	key   []byte // memory of automaton.state
}

// run works the step out. A thread is left out where one with more priority was.
func (s *step) run(a *automaton, from state, class int) {
	s.a, s.r = a, -1
	if class < a.classes.end() {
		s.r = a.classes.members[class]
	}
	s.holds = syntax.EmptyOpContext(kindMembers[from.before], s.r)
	s.before = kindOf(s.r, a.looks)
	s.threads, s.moves, s.match = s.threads[:0], s.moves[:0], false
	s.round++
	for i, instruction := range from.threads {
		m := move{from: i}
		if instruction == searching {
			m = move{from: fresh, begin: a.group == 0}
			instruction = uint32(a.prog.Start)
		}
		if s.follow(instruction, m); s.match {
			return
		}
	}
	if s.r >= 0 && from.threads[len(from.threads)-1] == searching {
		s.threads = append(s.threads, searching)
	}
}

// follow goes on from an instruction to all that read this character.
func (s *step) follow(instruction uint32, m move) {
	if s.match || s.seen[instruction] == s.round {
		return
	}
	s.seen[instruction] = s.round
	inst := &s.a.prog.Inst[instruction]
	switch inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		s.follow(inst.Out, m)
		s.follow(inst.Arg, m)
	case syntax.InstNop:
		s.follow(inst.Out, m)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(inst.Arg)&^s.holds == 0 {
			s.follow(inst.Out, m)
		}
	case syntax.InstCapture:
		m.begin = m.begin || s.a.group > 0 && inst.Arg == 2*s.a.group
		m.end = m.end || s.a.group > 0 && inst.Arg == 2*s.a.group+1
		s.follow(inst.Out, m)
	case syntax.InstMatch:
		s.match, s.last = true, m
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		if s.r >= 0 && inst.MatchRune(s.r) {
			s.add(inst.Out, m)
		}
	}
}

// add adds a thread, unless one with more priority is at the same instruction.
func (s *step) add(instruction uint32, m move) {
	if s.added[instruction] != s.round {
		s.added[instruction] = s.round
		m.to = len(s.threads)
		s.threads, s.moves = append(s.threads, instruction), append(s.moves, m)
	}
}

// stays says whether the step leads back to the state, and changes nothing.
func (s *step) stays(from state) bool { return !s.match && s.returns(from) }

// returns says whether the step leads back to the state, and changes nothing but that there may be a match.
func (s *step) returns(from state) bool {
	return s.before == from.before && slices.Equal(s.threads, from.threads) && len(inOrder(s.moves)) == 0
}
