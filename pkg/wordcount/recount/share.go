package recount

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Share is one of several equal shares of all words, by their hash. If not all words fit into
// memory, the shares can be verified one after the other. The zero value is all words.
type Share struct{ Number, Of int } // Number from 1

// ParseShare reads "1/16". The error wraps ErrInput.
func ParseShare(text string) (s Share, err error) {
	number, of, _ := strings.Cut(text, "/")
	s.Number, err = strconv.Atoi(number)
	if err == nil {
		s.Of, err = strconv.Atoi(of)
	}
	if err != nil || s.Number < 1 || s.Number > s.Of {
		return Share{}, fmt.Errorf("%w: part %q: write one as 1/16", protocol.ErrInput, text)
	}
	return s, nil
}

// Has says whether a word is one of the share.
func (s Share) Has(word []byte) bool {
	if s.Of == 0 {
		return true
	}
	h := fnv.New32a()
	h.Write(word)
	return int(h.Sum32()%uint32(s.Of)) == s.Number-1
}
