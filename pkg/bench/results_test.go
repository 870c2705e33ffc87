package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// results are the rounds in the format of Go's benchmarks, which benchstat reads:
//
//	corpus: 512 MiB in 64 files, a vocabulary of 200,000 words
//	BenchmarkPairs/contender=the_whole_job 1 1577000000 ns/op 340.4 MB/s 180355072 peak-B …
type results struct {
	text   bytes.Buffer
	corpus string // of the last line
}

func (r *results) add(benchmark string, row row, s sample) {
	if r == nil {
		return
	}
	if c := row.corpus.String(); c != r.corpus {
		r.corpus = c
		fmt.Fprintf(&r.text, "corpus: %s\n", c)
	}
	fmt.Fprintf(&r.text, "Benchmark%s/contender=%s 1 %.0f ns/op %.1f MB/s %.0f peak-B", benchmark,
		strings.ReplaceAll(row.name, " ", "_"), s.seconds*1e9, row.megabytes()/s.seconds, row.memory)
	for _, unit := range slices.Sorted(maps.Keys(s.spent)) {
		fmt.Fprintf(&r.text, " %.6g %s", s.spent[unit], unit)
	}
	r.text.WriteByte('\n')
}

// append adds the rounds to a file: benchmarks that were run by one command share it.
func (r *results) append(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := fmt.Fprintf(file, "goos: %s\ngoarch: %s\ncpu: %s\n%s", runtime.GOOS, runtime.GOARCH, processor(), &r.text); err != nil {
		return err
	}
	return file.Close()
}

// machine says where the figures come from, because they mean nothing on another machine.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d processors (%s), %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version())
	if load := grep("/proc/loadavg", `^\S+`); load != "" {
		text += "; load before: " + load
	}
	for _, variable := range os.Environ() { // jobs obey these
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "WORDCOUNT_") && value != "" {
			text += "\nwith " + variable
		}
	}
	return text
}

func processor() string {
	return cmp.Or(grep("/proc/cpuinfo", `(?m)^model name\s*:\s*(.+)$`), "unknown processor")
}

// grep returns what a pattern, or its group, first matches in a file; "" if there is neither.
func grep(path, pattern string) string {
	text, _ := os.ReadFile(path)
	match := regexp.MustCompile(pattern).FindSubmatch(text)
	if match == nil {
		return ""
	}
	return string(match[len(match)-1])
}
