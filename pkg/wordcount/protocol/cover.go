package protocol

import (
	"iter"
	"strings"
)

// ranges yields the ranges of an output's tasks: the first and the last number of each. What is no
// range has numbers below 1.
func (o Output) ranges() iter.Seq2[int, int] {
	return func(yield func(first, last int) bool) {
		for r := range strings.SplitSeq(o.Tasks, ",") {
			from, to, several := strings.Cut(r, "-")
			if !several {
				to = from
			}
			if !yield(Number(from), Number(to)) {
				return
			}
		}
	}
}

// Has reports whether a task is in the output.
func (o Output) Has(task int) bool {
	for first, last := range o.ranges() {
		if first <= task && task <= last {
			return true
		}
	}
	return false
}

// Number returns how many tasks are in the output.
func (o Output) Number() (n int) {
	for first, last := range o.ranges() {
		n += last - first + 1
	}
	return n
}

// Covered checks that the outputs have each of a job's map tasks exactly once. No crash
// and no rollback to a snapshot breaks that. But a log that was torn in the middle of a commit may
// bring half of one commit back beside the whole of another.
func Covered(outputs []Output, maps int) error {
	if maps < 0 || maps > maxMaps {
		return Damaged("it has %d tasks", maps)
	}
	seen, tasks := make([]bool, maps+1), 0
	for _, output := range outputs {
		for first, last := range output.ranges() {
			if first < 1 || last > maps || last < first {
				return Damaged("the committed tasks don't cover the job: of %d tasks %q were committed", maps, output.Tasks)
			}
			for n := first; n <= last; n++ {
				if seen[n] {
					return Damaged("the committed tasks don't cover the job: task %d was committed twice", n)
				}
				seen[n] = true
				tasks++
			}
		}
	}
	if tasks == maps {
		return nil
	}
	missing := 1
	for seen[missing] {
		missing++
	}
	return Damaged("the committed tasks don't cover the job: task %d was not committed", missing)
}
