package record

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// step is one key of a path.
type step struct {
	key   string
	index int  // of the element, if the value is an array; -1 if the key is no index
	odd   bool // the key has a U+FFFD, which also stands for bytes that aren't UTF-8
}

// steps reads the path of a field in a JSON object: keys with dots between them.
func steps(path string) (steps []step, err error) {
	var key strings.Builder
	add := func() {
		if key.Len() == 0 {
			err = errors.New("a key of the path is empty")
		}
		s := step{key: key.String(), index: -1}
		if n, err := strconv.Atoi(s.key); err == nil && n >= 0 && strconv.Itoa(n) == s.key {
			s.index = n
		}
		s.odd = strings.ContainsRune(s.key, utf8.RuneError)
		steps = append(steps, s)
		key.Reset()
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '.':
			add()
		case c != '\\':
			key.WriteByte(c)
		case i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			key.WriteByte(path[i])
		default:
			return nil, errors.New(`a backslash of the path must stand before a dot or a backslash: write \\`)
		}
	}
	add()
	return steps, err
}
