package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
)

// Ours is the name of the whole job.
const Ours = "the whole job"

// byShell is what people do without any program of their own.
const byShell = `find {dir} -type f -exec cat {} + | LC_ALL=C tr -s '[:space:]' '[\n*]' | LC_ALL=C sort | LC_ALL=C uniq -c >{out}`

// Pairs measures the whole job against other ways to count the same corpus.
func (b Bench) Pairs(ctx context.Context) (rows []Row, err error) {
	b, err = b.complete(DefaultRounds)
	if err != nil {
		return nil, err
	}
	c, err := b.corpus(ctx, b.Bytes, b.Files, b.Words)
	if err != nil {
		return nil, err
	}
	entries := []entry{
		{Ours, b.job("pairs"), c, ""},
		{"the kernel alone", b.inRole("kernel"), c, ""},
		{"the kernel, one thread", b.inRole("kernel", "GOMAXPROCS=1"), c, ""},
		{"bufio.Scanner and a map", b.inRole("scanner"), c, ""},
	}
	if installed("find", "tr", "sort", "uniq") {
		e := entry{"tr | sort | uniq -c", b.shell(byShell), c, ""}
		if e, err = b.shorten(ctx, e); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	for _, o := range b.Against {
		entries = append(entries, entry{o.Name, b.shell(o.Line), c, ""})
	}
	return b.measure(ctx, entries)
}

// shorten lets a contender count the first files only, if all would take it more than a minute.
func (b Bench) shorten(ctx context.Context, e entry) (entry, error) {
	trial, err := e.corpus.first(max(1, e.corpus.Files/16))
	if err != nil {
		return e, err
	}
	run, err := e.once(ctx, trial, true)
	if err != nil {
		return e, errors.Join(fmt.Errorf("bench: %s: %w", e.name, err), e.close(ctx))
	}
	files := e.corpus.within(tooSlow.Seconds(), run.Seconds/float64(trial.Bytes))
	if files >= e.corpus.Files {
		return e, nil
	}
	if e.corpus, err = e.corpus.first(files); err != nil {
		return e, err
	}
	e.note = fmt.Sprintf("the first %s only: all would take it more than %s", e.corpus.size(), tooSlow)
	return e, nil
}

// within is how many files take no more than so many seconds. Sorting costs more for a byte the more there are.
func (c Corpus) within(seconds, perByte float64) int {
	const growth = 1.3
	if all := float64(c.Bytes) * perByte * growth; all > seconds {
		return max(1, int(float64(c.Files)*seconds/all))
	}
	return c.Files
}

// installed tells whether all of these programs are on PATH.
func installed(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := exec.LookPath(name)
		return err != nil
	})
}
