package words

import (
	"bytes"

	uax29 "github.com/clipperhouse/uax29/v2/words"
)

// Cutter cuts values into words. It keeps its buffers for the next value, and is for one goroutine
// at a time.
type Cutter struct {
	way        way
	fold       *folder // nil: nothing is folded
	segments   *uax29.Iterator[[]byte]
	meaningful *[(lastOfTable + 1) / 64]uint64
	matcher    *matcher
	function   func([]byte, func([]byte))

	// Closures would be allocated for each value, so these are made once.
	give   func([]byte) // what Cut was given, while it runs
	folded func([]byte) // gives the folded word
	filled func([]byte) // gives the word, folded if need be, if it isn't empty
}

// Cutter returns a new Cutter. Its error wraps ErrUnregistered.
func (c Choice) Cutter() (*Cutter, error) {
	k := &Cutter{way: c.way}
	if c.foldsCase || c.nfc {
		k.fold = newFolder(c.foldsCase, c.nfc)
	}
	var err error
	switch c.way {
	case unicodeWords:
		k.segments, k.meaningful = uax29.FromBytes(nil), meaningful()
	case matches:
		k.matcher, err = newMatcher(c.argument)
	case function:
		k.function, err = Registered(c.argument)
	}
	if err != nil {
		return nil, err
	}
	k.folded = func(w []byte) { k.give(k.fold.apply(w)) }
	k.filled = func(w []byte) {
		switch {
		case len(w) == 0:
		case k.fold != nil:
			k.folded(w)
		default:
			k.give(w)
		}
	}
	return k, nil
}

// Cut gives each word of the value to word, in the order of the value, and never an empty one. The
// word is a part of the value or of a buffer: word must neither keep nor change it.
func (k *Cutter) Cut(value []byte, word func([]byte)) {
	if k.way == wholeValue && k.fold == nil {
		if len(value) > 0 {
			word(value)
		}
		return
	}
	k.give = word
	if k.fold != nil {
		word = k.folded
	}
	switch k.way {
	case fields:
		for w := range bytes.FieldsSeq(value) {
			word(w)
		}
	case unicodeWords:
		k.unicode(value, word)
	case matches:
		k.matcher.each(value, word)
	case function:
		k.function(value, k.filled)
	default:
		k.filled(value)
	}
	k.give = nil
}

// CutsLines reports whether CutLines can be used.
func (k *Cutter) CutsLines() bool { return k.matcher != nil && k.matcher.lines != nil }

// CutLines is Cut for each of some lines, but needs less time for each. A line ends with LF, which is not
// part of its value.
func (k *Cutter) CutLines(lines []byte, word func([]byte)) {
	k.give = word
	if k.fold != nil {
		word = k.folded
	}
	k.matcher.eachOfLines(lines, word)
	k.give = nil
}
