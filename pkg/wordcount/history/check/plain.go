package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// plain compares answers with one another, and the parts of an answer, without a search.
func (b *book) plain() error {
	p := &plain{book: b, sizes: map[string]string{}, committed: map[string]*call{}, lists: map[string]totals{}, fences: map[string]bool{}}
	for _, c := range b.calls {
		if c.Name == "commit" && strings.Contains(c.Refused, "a committed output has pending tasks") {
			return fmt.Errorf("%w: job %s: no rollback leaves an output whose tasks are pending\n    %s", ErrForbidden, b.job, lineOf(op[whole]{call: c.Call}))
		}
		if !c.known || c.code != "" {
			continue
		}
		if why := p.look(c); why != "" {
			return fmt.Errorf("%w: job %s: %s\n    %s", ErrForbidden, b.job, why, lineOf(op[whole]{call: c.Call}))
		}
	}
	return nil
}

// plain is what was seen so far.
type plain struct {
	*book
	sizes     map[string]string // run → its maps, partitions, words to keep
	committed map[string]*call  // output → the last commit that was accepted; all must be equal
	lists     map[string]totals // run → what its outputs come to
	fences    map[string]bool   // that final gave out
}

// totals are what a complete list of outputs comes to.
type totals struct{ tokens, bytes int }

// look returns what is wrong with a call; "" if nothing is.
func (p *plain) look(c *call) string {
	switch c.Name {
	case "seed":
		run, size := c.said(0), fmt.Sprint(c.args[1:4])
		if before, ok := p.sizes[run]; ok && before != size {
			return fmt.Sprintf("the run %s has maps, partitions and words to keep %s, not %s", run, before, size)
		}
		if p.sizes[run] = size; c.arg(2) == "0" && c.arg(3) != "0" {
			return "a job without reducers keeps few words"
		}
	case "commit":
		return p.commit(c)
	case "outputs":
		return p.outputs(c)
	case "put", "put_files":
		return p.stores(c)
	case "revoke":
		if c.text == "revoked" && p.size(c.arg(0), 1) == 0 {
			return "an output is revoked without reducers"
		}
	case "fill":
		if keep := p.size(c.arg(0), 2); keep >= 0 && number(c.said(0)) > keep {
			return fmt.Sprintf("more is filled in than the %d words that are kept", keep)
		}
	case "final":
		p.fences[c.said(0)] = true
		return p.ending(c)
	case "status":
		return p.status(c)
	case history.Sealed:
		if !p.fences[c.arg(1)] {
			return "the fence of the published result was never given out"
		}
	}
	return ""
}

// size is one of the three numbers of a run; -1 if the run isn't known.
func (p *plain) size(run string, which int) int {
	var numbers [3]int
	if _, err := fmt.Sscanf(p.sizes[run], "[%d %d %d]", &numbers[0], &numbers[1], &numbers[2]); err != nil {
		return -1
	}
	return numbers[which]
}

func (p *plain) commit(c *call) string {
	if c.said(0) != "committed" {
		return ""
	}
	n := number(c.arg(1))
	tasks, name := c.args[2:2+n], c.arg(n+4)
	if n > protocol.CommitMax {
		return fmt.Sprintf("a commit has %d tasks", n)
	}
	if bad := unordered(tasks, 1, p.size(c.arg(0), 0)); bad {
		return "the tasks of a commit are not ascending numbers of tasks"
	}
	if first := p.committed[name]; first != nil && !slices.Equal(first.args[1:], c.args[1:]) {
		return fmt.Sprintf("the output %s was committed with other contents before", name)
	}
	p.committed[name] = c
	return ""
}

// unordered reports whether the numbers don't ascend, or one is not among the numbers from first on, of
// which there are many. With a negative many there is no upper bound.
func unordered(texts []string, first, many int) bool {
	before := first - 1
	for _, text := range texts {
		n := number(text)
		if n <= before || many >= 0 && n >= first+many {
			return true
		}
		before = n
	}
	return false
}

func (p *plain) stores(c *call) string {
	at := 1
	if c.Name == "put" {
		at = 2
	}
	n := number(c.arg(at))
	if c.said(0) != "refused" && unordered(c.args[at+1:at+1+n], 0, p.size(c.arg(0), 1)) {
		return "the partitions are not ascending numbers of partitions"
	}
	if keep := p.size(c.arg(0), 2); keep >= 0 && c.said(0) != "refused" && (keep > 0) != (c.Name == "put_files") {
		return "totals are where they do not belong"
	}
	return ""
}

func (p *plain) outputs(c *call) string {
	maps, sum, covered := number(c.said(0)), totals{}, map[int]string{}
	for name, o := range c.outputs() {
		for _, task := range o.tasks {
			if other, ok := covered[task]; ok {
				return fmt.Sprintf("map task %d is in the outputs %s and %s", task, other, name)
			}
			covered[task] = name
		}
		sum.tokens, sum.bytes = sum.tokens+o.tokens, sum.bytes+o.bytes
		if by := p.committed[name]; by != nil {
			n := number(by.arg(1))
			if !slices.Equal(p.names[name], o.tasks) || number(by.arg(n+2)) != o.tokens || number(by.arg(n+3)) != o.bytes ||
				by.arg(n+6) != o.tally {
				return fmt.Sprintf("the output %s was committed with other contents", name)
			}
		}
	}
	if len(covered) != maps || maps != p.size(c.arg(0), 0) && p.size(c.arg(0), 0) >= 0 {
		return fmt.Sprintf("the outputs have %d tasks of %d", len(covered), maps)
	}
	return p.agree(c.arg(0), sum)
}

// agree compares what a run comes to with what it came to before.
func (p *plain) agree(run string, sum totals) string {
	if before, ok := p.lists[run]; ok && before != sum {
		return fmt.Sprintf("the run %s comes to %+v, and came to %+v before", run, sum, before)
	}
	p.lists[run] = sum
	return ""
}

func (p *plain) ending(c *call) string {
	run := c.arg(0)
	mapped, reduced, stored := number(c.said(1)), number(c.said(2)), number(c.said(5))
	sum := totals{number(c.said(3)), number(c.said(4))}
	parts := p.size(run, 1)
	switch {
	case parts < 0:
	case mapped != p.size(run, 0) || reduced != parts:
		return fmt.Sprintf("a job is done with %d maps and %d partitions of %s", mapped, reduced, p.sizes[run])
	case parts > 0 && stored != sum.tokens:
		return fmt.Sprintf("%d words are committed, and %d are stored", sum.tokens, stored)
	}
	return p.agree(run, sum)
}

// status compares a job's phase with its counters.
func (p *plain) status(c *call) string {
	m := c.meta
	if m == nil {
		return ""
	}
	want := "map"
	if m["mapped"] == m["maps"] {
		want = "reduce"
		if m["reduced"] == m["reducers"] {
			want = "done"
		}
	}
	switch {
	case m["phase"] != want:
		return fmt.Sprintf("it is in phase %s, and not in phase %s", m["phase"], want)
	case number(m["mapped"]) > number(m["maps"]), number(m["reduced"]) > number(m["reducers"]):
		return "it has done more tasks than there are"
	case m["final"] != "" && m["phase"] != "done":
		return "it is fenced, and not done"
	}
	return ""
}
