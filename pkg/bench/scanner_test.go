package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// countByScanner counts a folder as the documentation of the standard library suggests, with a
// goroutine for each processor.
func countByScanner(dir, out string) error { return scanInto(dir, out, bufio.ScanWords) }

// recountByASCII counts as programs do that know the white space of ASCII only.
func recountByASCII(dir, out string) error { return scanInto(dir, out, scanASCIIWords) }

func scanInto(dir, out string, split bufio.SplitFunc) error {
	paths, err := filesOf(dir)
	if err != nil {
		return err
	}
	var next atomic.Int64
	parts := make([]map[string]int, runtime.GOMAXPROCS(0))
	err = each(len(parts), func(i int) error {
		parts[i] = map[string]int{}
		for {
			n := int(next.Add(1)) - 1
			if n >= len(paths) {
				return nil
			}
			if err := scanFile(paths[n], split, parts[i]); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	total := parts[0]
	for _, part := range parts[1:] {
		for word, n := range part {
			total[word] += n
		}
	}
	return create(out, func(b *bufio.Writer) {
		for word, n := range total {
			fmt.Fprintf(b, "%d\t%s\n", n, word)
		}
	})
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

// filesOf are the paths of the files in a folder, which has no folders.
func filesOf(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths, err
}

// scanASCIIWords is bufio.ScanWords for the six white spaces of ASCII.
func scanASCIIWords(data []byte, atEOF bool) (advance int, token []byte, err error) {
	const white = " \t\n\v\f\r"
	start := len(data) - len(bytes.TrimLeft(data, white))
	if end := bytes.IndexAny(data[start:], white); end >= 0 {
		return start + end + 1, data[start : start+end], nil
	}
	if atEOF && start < len(data) {
		return len(data), data[start:], nil
	}
	return start, nil, nil
}
