package config

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// ParseInputs reads inputs, one on each line. A line @FILE stands for the lines of a file, and @- for
// those of standard input; an @ in these means nothing. What exists as it is written is taken as it
// is: also a path with a newline in it, or with an @ in front. Empty lines are left out.
func ParseInputs(text string) (inputs []string, err error) {
	if exists(text) {
		return []string{text}, nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		name, list := strings.CutPrefix(line, "@")
		switch {
		case line == "":
		case !list || exists(line):
			inputs = append(inputs, line)
		default:
			lines, err := listed(name)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, lines...)
		}
	}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("no file and no folder is named")
	}
	return inputs, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// listed returns the lines of a file, or of standard input.
func listed(name string) ([]string, error) {
	if name == "-" {
		return fromStdin()
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the list %s: %w", show.Printable(name), syserr.WithoutPath(err))
	}
	defer file.Close()
	lines, err := linesIn(file)
	if err != nil {
		return nil, fmt.Errorf("the list %s: %w", show.Printable(name), syserr.WithoutPath(err))
	}
	return lines, nil
}

// fromStdin returns the lines of standard input. Several steps of one process may ask for them, and
// they can be read once.
var fromStdin = sync.OnceValues(func() ([]string, error) {
	lines, err := linesIn(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", syserr.WithoutPath(err))
	}
	return lines, nil
})

// longestPath is more than the system takes, in bytes. A line that is longer names no file.
const longestPath = 64 << 10

func linesIn(r io.Reader) (lines []string, err error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, longestPath)
	for scanner.Scan() {
		if line := scanner.Text(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// namesOf names inputs that were taken over. Of many, it names the first ones.
func namesOf(inputs []string) string {
	const shown = 3
	names := strings.Join(inputs[:min(shown, len(inputs))], ",")
	if more := len(inputs) - shown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return names
}
