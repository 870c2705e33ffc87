package record

import (
	"bytes"
	"encoding/binary"
)

// shape is the text of a valid record between its strings, numbers and booleans; keys are part of it.
// A record of the same shape is valid if its values are, and its field is the value in the same place.
// The records of a text mostly have few shapes, and comparing bytes is faster than reading them.
type shape struct {
	parts []part
	fate  fate
}

// part is the text up to a value, the quote before a string included, or up to the end of the record.
type part struct {
	text  []byte
	words [2]uint64 // the text, if it has at most 16 bytes
	masks [2]uint64 // which bits of words are the text
	value valueKind // that follows
	field bool      // it is on the path
}

// set keeps a text.
func (p *part) set(text []byte) {
	p.text = append(p.text[:0], text...)
	var words, masks [16]byte
	copy(masks[:], bytes.Repeat([]byte{0xff}, copy(words[:], text)))
	for i := range p.words {
		p.words[i], p.masks[i] = binary.LittleEndian.Uint64(words[8*i:]), binary.LittleEndian.Uint64(masks[8*i:])
	}
}

// is says whether b, which has at least 16 bytes, begins with the text.
func (p *part) is(b []byte) bool {
	if len(p.text) <= 16 { // most of the time: no call and no loop
		return (binary.LittleEndian.Uint64(b)^p.words[0])&p.masks[0]|
			(binary.LittleEndian.Uint64(b[8:])^p.words[1])&p.masks[1] == 0
	}
	return bytes.HasPrefix(b, p.text)
}

type valueKind uint8

const (
	noValue valueKind = iota
	aString
	aNumber
	aBoolean
)

const (
	maxShapes = 4   // that are known at a time
	maxParts  = 64  // of a shape
	maxText   = 256 // bytes of a part

	// Where nearly every record has a shape of its own, comparing and learning cost time for nothing.
	// After maxUnknown records of unknown shapes in a row, the next pause records are just read.
	maxUnknown = 8
	pause      = 64
)

// shapes are those of the records before, the last one first.
type shapes struct {
	known   [maxShapes]shape
	unknown int // records in a row
	pause   int // records that are still to be just read

	learning bool
	next     shape // that is learnt
	from     int   // where its next part begins
}

// record returns the end of the record that begins at i, or -1 if it isn't valid.
func (f *finder) record(i int) int {
	s := &f.shapes
	if s.pause > 0 {
		s.pause--
		return f.read(i)
	}
	for n := range s.known {
		if end := f.match(&s.known[n], i); end >= 0 {
			s.known[0], s.known[n] = s.known[n], s.known[0]
			s.unknown = 0
			return end
		}
	}
	if s.unknown++; s.unknown == maxUnknown {
		s.unknown, s.pause = 0, pause
	}
	s.learning, s.from, s.next.parts = true, i, s.next.parts[:0]
	end := f.read(i)
	if end >= 0 {
		f.learn(end, end, noValue, false)
	}
	if end >= 0 && s.learning {
		s.next.fate = f.fate
		last := &s.known[maxShapes-1]
		s.known[0], *last, s.next = s.next, s.known[0], *last
	}
	s.learning = false
	return end
}

// read is record without the shapes.
func (f *finder) read(i int) int {
	f.fate = missing
	return f.find(i, 0, 0)
}

// learn adds the part up to a value to the shape that is learnt.
func (f *finder) learn(from, end int, value valueKind, field bool) {
	s := &f.shapes
	if !s.learning {
		return
	}
	n := len(s.next.parts)
	if n == maxParts || from-s.from > maxText {
		s.learning = false
		return
	}
	if n < cap(s.next.parts) {
		s.next.parts = s.next.parts[:n+1]
	} else {
		s.next.parts = append(s.next.parts, part{})
	}
	p := &s.next.parts[n]
	p.set(f.b[s.from:from])
	p.value, p.field = value, field
	s.from = end
}

// match returns the end of the record that begins at i, or -1 if it hasn't this shape, or isn't valid.
func (f *finder) match(s *shape, i int) int {
	b := f.b
	for n := range s.parts {
		p := &s.parts[n]
		if !p.is(b[i:]) {
			return -1
		}
		from := i + len(p.text)
		escaped := false
		switch p.value {
		case aString:
			i, escaped = f.quoted(from)
		case aNumber:
			i = number(b, from)
		case aBoolean:
			i = boolean(b, from)
		case noValue:
			f.fate = s.fate
			return from
		}
		if i < 0 {
			return -1
		}
		if p.field {
			f.holds(p.value, from, i, escaped)
		}
	}
	return -1
}

// holds notes that a value is that of the field.
func (f *finder) holds(value valueKind, from, end int, escaped bool) {
	f.fate, f.from, f.to, f.text, f.escaped = found, from, end, value == aString, escaped
	if f.text {
		f.to-- // without its quote
	}
}
