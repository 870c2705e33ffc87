package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Tally is a whole result in three numbers: that two different ones have the same is next to impossible.
type Tally struct {
	Tokens   uint64 `json:"tokens"`        // words, each as often as it occurs
	Distinct uint64 `json:"distinct"`      // words, each once
	Digest   uint64 `json:"digest,string"` // of words and counts, in any order; 0: unknown
}

// add adds a word.
func (t *Tally) add(word []byte, n uint64) {
	t.Tokens += n
	t.Distinct++
	t.Digest += xxhash.Sum64(word) * (2*n + 1)
}

// same tells whether two tallies are of the same result, as far as both know.
func (t Tally) same(o Tally) bool {
	return t.Tokens == o.Tokens && t.Distinct == o.Distinct && (t.Digest == o.Digest || t.Digest == 0 || o.Digest == 0)
}

// readTally reads a result: lines of a count, white space and a word, as our export and uniq -c write them.
func readTally(path string) (t Tally, err error) {
	file, err := os.Open(path)
	if err != nil {
		return t, err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 4<<20) // longer than any word that is counted
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return t, nil
		}
		if err != nil && err != io.EOF {
			return t, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		number, word, ok := bytes.Cut(bytes.TrimLeft(bytes.TrimSuffix(line, []byte("\n")), " "), []byte("\t"))
		if !ok {
			number, word, ok = bytes.Cut(number, []byte(" "))
		}
		times, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil || !ok {
			return t, fmt.Errorf("%s: line %d is %.80q, and not a count and a word", path, n, line)
		}
		if len(word) > 0 { // tr makes an empty line of the white space before the first word
			t.add(word, times)
		}
	}
}

// What the check of a contender's counts can say, if not that they are wrong.
const (
	Equal      = "equal"
	EqualASCII = "equal, by ASCII white space" // which splits generated texts into a few words less
)

// references are the results that others are compared with: one that is given, and recounts where that won't do.
type references struct {
	of    Corpus
	tally Tally

	recounts map[string]Tally
}

// check compares the counts of a corpus with what they have to be.
func (r *references) check(ctx context.Context, got Tally, c Corpus) (string, error) {
	want, err := r.tally, error(nil)
	if c.Bytes != r.of.Bytes { // a part of it; what has the same bytes has the same words
		want, err = r.recount(ctx, c, byUnicode)
	}
	if err != nil || got.same(want) {
		return Equal, err
	}
	ascii, err := r.recount(ctx, c, byASCII)
	if err != nil || got.same(ascii) {
		return EqualASCII, err
	}
	return "", fmt.Errorf("wrong counts: %d words, %d distinct, and it should be %d and %d", got.Tokens, got.Distinct, want.Tokens, want.Distinct)
}

func (r *references) recount(ctx context.Context, c Corpus, split string) (Tally, error) {
	key := split + " " + c.dir
	if t, ok := r.recounts[key]; ok {
		return t, nil
	}
	t, err := c.recount(ctx, split)
	if err == nil {
		if r.recounts == nil {
			r.recounts = map[string]Tally{}
		}
		r.recounts[key] = t
	}
	return t, err
}
