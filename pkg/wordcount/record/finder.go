package record

import "unicode/utf8"

// finder finds a value by its path, and checks that all of a line is valid JSON.
type finder struct {
	path     []step
	b        []byte // whole lines, and slack behind them
	fate     fate
	from, to int    // of the value in b; of a string without its quotes
	text     bool   // the value is a string
	escaped  bool   // and has backslashes
	key      []byte // as it is without escapes
	value    []byte // as it is without escapes, if it isn't valid UTF-8
	shapes   shapes
	marks    marks
}

const (
	offPath  = -1    // the level of a value that isn't on the path
	maxDepth = 10000 // of objects and arrays, as in encoding/json
)

// found returns the value that was found. A string loses its escapes where it stands, because it
// gets no longer: only what isn't valid UTF-8 does.
func (f *finder) found() []byte {
	raw := f.b[f.from:f.to]
	switch {
	case !f.text:
		return raw
	case !utf8.Valid(raw):
		f.value = unquote(f.value[:0], raw)
		return f.value
	case f.escaped:
		return unquote(raw[:0], raw)
	}
	return raw
}

// tooLong says whether the value that was found may have more than most bytes without its escapes.
func (f *finder) tooLong(most int) bool {
	raw := f.b[f.from:f.to]
	return f.text && len(raw) > most/len("\ufffd") && !utf8.Valid(raw)
}

// find returns the end of the value that begins at i, or -1 if it isn't valid. The level is how
// many keys of the path lead to it, or offPath. It stands in depth objects and arrays.
func (f *finder) find(i, level, depth int) int {
	onPath := level == len(f.path)
	inside := level
	if onPath {
		inside = offPath
	}
	from, end, escaped := i, 0, false
	var value valueKind
	switch f.b[i] {
	case '"':
		from, value = i+1, aString
		end, escaped = f.quoted(from)
	case '{':
		end = f.object(i+1, inside, depth+1)
		if onPath {
			f.fate = nested
		}
		return end
	case '[':
		end = f.array(i+1, inside, depth+1)
		if onPath {
			f.fate = nested
		}
		return end
	case 't', 'f':
		value = aBoolean
		end = boolean(f.b, i)
	case 'n':
		end = literal(f.b, i, "null")
		if onPath {
			f.fate = null
		}
		return end
	default:
		value = aNumber
		end = number(f.b, i)
	}
	if end >= 0 {
		f.learn(from, end, value, onPath)
	}
	if onPath {
		f.holds(value, from, end, escaped)
	}
	return end
}

// object returns the end of the object whose content begins at i. Of equal keys the last one
// counts.
func (f *finder) object(i, level, depth int) int {
	if depth > maxDepth {
		return -1
	}
	b := f.b
	if i = space(b, i); b[i] == '}' {
		return i + 1
	}
	for {
		if b[i] != '"' {
			return -1
		}
		end, escaped := f.quoted(i + 1)
		if end < 0 {
			return -1
		}
		next := offPath
		if level >= 0 && f.is(level, b[i+1:end-1], escaped) {
			next, f.fate = level+1, missing
		}
		if i = space(b, end); b[i] != ':' {
			return -1
		}
		i++
		if i = f.find(space(b, i), next, depth); i < 0 {
			return -1
		}
		i = space(b, i)
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// array returns the end of the array whose content begins at i.
func (f *finder) array(i, level, depth int) int {
	if depth > maxDepth {
		return -1
	}
	b := f.b
	if i = space(b, i); b[i] == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		next := offPath
		if level >= 0 && f.path[level].index == n {
			next = level + 1
		}
		if i = f.find(i, next, depth); i < 0 {
			return -1
		}
		i = space(b, i)
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// is says whether a key is that of the path.
func (f *finder) is(level int, raw []byte, escaped bool) bool {
	step := &f.path[level]
	if !escaped && !step.odd {
		return string(raw) == step.key
	}
	f.key = unquote(f.key[:0], raw)
	return string(f.key) == step.key
}
