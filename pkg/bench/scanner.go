package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// Ways to split a text into words. Most programs know the white space of ASCII only.
const (
	byUnicode = "unicode"
	byASCII   = "ascii"
)

var splits = map[string]bufio.SplitFunc{byUnicode: bufio.ScanWords, byASCII: scanASCIIWords}

// countByScanner counts a folder as the documentation of the standard library suggests, a goroutine for each processor.
func countByScanner(dir, out string) error {
	counts, err := scan(dir, bufio.ScanWords)
	if err != nil {
		return err
	}
	return create(out, func(b *bufio.Writer) {
		for word, n := range counts {
			fmt.Fprintf(b, "%d\t%s\n", n, word)
		}
	})
}

// recount is what the counts of a folder have to be.
func recount(dir string, split bufio.SplitFunc) (t Tally, err error) {
	counts, err := scan(dir, split)
	for word, n := range counts {
		t.add([]byte(word), uint64(n))
	}
	return t, err
}

// scan counts the files of a folder, each processor some of them.
func scan(dir string, split bufio.SplitFunc) (map[string]int, error) {
	m, err := wordcount.Scan(dir, "", wordcount.Selection{})
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	parts := make([]map[string]int, runtime.GOMAXPROCS(0))
	err = each(len(parts), func(i int) error {
		counts := map[string]int{}
		parts[i] = counts
		for {
			n := int(next.Add(1)) - 1
			if n >= len(m.Files) {
				return nil
			}
			if err := scanFile(m.Files[n].Path, split, counts); err != nil {
				return err
			}
		}
	})
	total := parts[0]
	for _, part := range parts[1:] {
		for word, n := range part {
			total[word] += n
		}
	}
	return total, err
}

func scanFile(path string, split bufio.SplitFunc, counts map[string]int) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	words := bufio.NewScanner(file)
	words.Buffer(make([]byte, 64<<10), 2*count.MaxWord)
	words.Split(split)
	for words.Scan() {
		counts[words.Text()]++
	}
	return words.Err()
}

// scanASCIIWords is bufio.ScanWords for the six white spaces of ASCII.
func scanASCIIWords(data []byte, atEOF bool) (advance int, token []byte, err error) {
	start := 0
	for start < len(data) && isASCIISpace(data[start]) {
		start++
	}
	if end := bytes.IndexAny(data[start:], " \t\n\v\f\r"); end >= 0 {
		return start + end + 1, data[start : start+end], nil
	}
	if atEOF && start < len(data) {
		return len(data), data[start:], nil
	}
	return start, nil, nil
}

func isASCIISpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
