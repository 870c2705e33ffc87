package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// finder finds a value by its path, and checks that all of a line is valid JSON.
type finder struct {
	path     []step
	b        []byte // whole lines, and slack behind them
	fate     fate
	from, to int    // of the value in b; of a string without its quotes
	text     bool   // the value is a string
	escaped  bool   // and has backslashes
	key      []byte // as it is without escapes
	keys     []key  // of the records before, in their order
	value    []byte // as it is without escapes, if it isn't valid UTF-8
}

// key is a key of a record, as it stands in the text. Records mostly have the same keys in the same
// order, and comparing bytes is faster than reading them.
type key struct {
	text   []byte // from its first quote to the colon
	onPath bool
}

const (
	offPath  = -1    // the level of a value that isn't on the path
	maxDepth = 10000 // of objects and arrays, as in encoding/json
	maxKeys  = 64    // that are kept, and bytes of each
)

// objects gives the values of the lines that begin in block[:stop].
func (r *Reader) objects(block []byte, stop int, tally *Tally, value func([]byte) error) (used int, err error) {
	f := &r.finder
	f.b = block[:len(block)+slack/2]
	for used < stop {
		i := space(f.b, used)
		if f.b[i] == '\n' { // an empty line is no record
			used = i + 1
			continue
		}
		tally.Records++
		f.fate = missing
		if i = f.find(i, 0, 0); i >= 0 {
			i = space(f.b, i)
		}
		next := i + 1
		if i < 0 || f.b[i] != '\n' {
			f.fate = malformed
			next = used + bytes.IndexByte(block[used:], '\n') + 1
		}
		switch f.fate {
		case found:
			if f.tooLong(r.window.most) {
				return used, &Error{r.window.base + int64(used), "its " + r.format.field +
					fmt.Sprintf(" has more than %d MiB, and is not valid UTF-8", MaxRecord/3>>20)}
			}
			err = value(f.found())
		case missing:
			err = r.lacks(&tally.Missing, used, func() string { return "it has no " + r.format.field })
		case null:
			err = r.lacks(&tally.Null, used, func() string { return "its " + r.format.field + " is null" })
		case nested:
			err = r.lacks(&tally.Nested, used, func() string {
				return "its " + r.format.field + " is an object or an array"
			})
		default:
			err = r.lacks(&tally.Malformed, used, func() string {
				var v json.RawMessage
				return "it is not valid JSON: " + json.Unmarshal(block[used:next], &v).Error()
			})
		}
		if err != nil {
			return used, err
		}
		used = next
	}
	return used, nil
}

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
	end, escaped := 0, false
	switch f.b[i] {
	case '"':
		end, escaped = quoted(f.b, i+1)
		if onPath {
			f.fate, f.from, f.to, f.text, f.escaped = found, i+1, end-1, true, escaped
		}
		return end
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
	case 't':
		end = literal(f.b, i, "true")
	case 'f':
		end = literal(f.b, i, "false")
	case 'n':
		end = literal(f.b, i, "null")
		if onPath {
			f.fate = null
		}
		return end
	default:
		end = number(f.b, i)
	}
	if onPath {
		f.fate, f.from, f.to, f.text = found, i, end, false
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
	for n := 0; ; n++ {
		if b[i] != '"' {
			return -1
		}
		next := offPath
		if known := f.known(n, i, depth); known != nil {
			i += len(known.text)
			if known.onPath {
				next, f.fate = level+1, missing
			}
		} else {
			end, escaped := quoted(b, i+1)
			if end < 0 {
				return -1
			}
			if level >= 0 && f.is(level, b[i+1:end-1], escaped) {
				next, f.fate = level+1, missing
			}
			from := i
			if i = space(b, end); b[i] != ':' {
				return -1
			}
			i++
			f.learn(n, b[from:i], next != offPath, depth)
		}
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

// known returns the n-th key of the record before, if it is the one at i. Only the keys of the
// record itself are kept, not those of objects in it.
func (f *finder) known(n, i, depth int) *key {
	if depth > 1 || n >= len(f.keys) {
		return nil
	}
	k := &f.keys[n]
	if end := i + len(k.text); end > len(f.b) || string(f.b[i:end]) != string(k.text) {
		return nil
	}
	return k
}

// learn keeps the n-th key of a record.
func (f *finder) learn(n int, text []byte, onPath bool, depth int) {
	if depth > 1 || n >= maxKeys || len(text) > maxKeys {
		return
	}
	if n == len(f.keys) {
		f.keys = append(f.keys, key{})
	}
	if n < len(f.keys) {
		k := &f.keys[n]
		k.text, k.onPath = append(k.text[:0], text...), onPath
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
