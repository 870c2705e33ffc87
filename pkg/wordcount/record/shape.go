package record

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
	value valueKind // that follows
	field bool      // it is on the path
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
	// After so many records of unknown shapes in a row, so many others are just read.
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
	p.text, p.value, p.field = append(p.text[:0], f.b[s.from:from]...), value, field
	s.from = end
}

// match returns the end of the record that begins at i, or -1 if it hasn't this shape, or isn't valid.
func (f *finder) match(s *shape, i int) int {
	b := f.b
	for n := range s.parts {
		p := &s.parts[n]
		from := i + len(p.text)
		if from > len(b) || string(b[i:from]) != string(p.text) {
			return -1
		}
		escaped := false
		switch p.value {
		case aString:
			i, escaped = quoted(b, from)
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
