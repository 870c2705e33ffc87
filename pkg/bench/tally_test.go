package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// tally is a whole result in three numbers. Two different results have the same with a probability
// that is next to nothing.
type tally struct {
	tokens   uint64 // words, each as often as it occurs
	distinct uint64 // words, each once
	digest   uint64 // of words and counts, in any order
}

func (t *tally) add(word []byte, n uint64) {
	t.tokens += n
	t.distinct++
	t.digest += xxhash.Sum64(word) * (2*n + 1)
}

// readTally reads a result: lines of a count, a tab or a space, and a word, as `mage export` and
// uniq -c write them.
func readTally(path string) (t tally, err error) {
	file, err := os.Open(path)
	if err != nil {
		return t, err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 4<<20) // longer than any word that is counted
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return t, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return t, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		text := bytes.TrimLeft(bytes.TrimSuffix(line, []byte("\n")), " ")
		number, word, ok := bytes.Cut(text, []byte("\t"))
		if !ok {
			number, word, ok = bytes.Cut(text, []byte(" "))
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

// What check finds.
const (
	equal      = "equal"
	equalASCII = "equal, by ASCII white space" // which gives slightly fewer words
	uncounted  = "none: a part of the work"
)

// check compares the counts of a corpus with those that are wanted. Most programs know the white
// space of ASCII only; these must agree with a recount that splits as they do.
func (b bench) check(ctx context.Context, got, want tally, c corpusDir) (string, error) {
	if got == want {
		return equal, nil
	}
	ascii, err := b.recount(ctx, c)
	if err != nil || got == ascii {
		return equalASCII, err
	}
	return "", fmt.Errorf("wrong counts: %d words, %d distinct, and it should be %d and %d", got.tokens, got.distinct, want.tokens, want.distinct)
}

// recount counts the corpus once in another process, which splits at the white space of ASCII.
func (b bench) recount(ctx context.Context, c corpusDir) (tally, error) {
	if t, ok := b.recounts[c.dir]; ok {
		return t, nil
	}
	s, err := b.inRole("recount").count(ctx, c, false)
	if err != nil {
		return tally{}, fmt.Errorf("recount %s: %w", c, err)
	}
	b.recounts[c.dir] = s.tally
	return s.tally, nil
}
