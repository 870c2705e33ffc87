package wordcount

import (
	"strconv"
	"strings"
)

// committedOf returns the attempts of a job's commits that are committed, each with the ranges of its tasks: "1-17,20". What
// others have brought counts for nothing.
func committedOf(commits map[string]string) map[string]string {
	committed := map[string]string{}
	for attempt, state := range commits {
		if tasks, ok := strings.CutPrefix(state, "committed "); ok {
			committed[attempt] = tasks
		}
	}
	return committed
}

// covered checks that the committed attempts have each of a job's tasks, once. They do whenever all tasks are done, whatever
// was rolled back; but a log that was torn in the middle of a commit may bring back half of one beside the whole of another.
func covered(committed map[string]string, maps int) error {
	if maps < 0 || maps > maxMaps {
		return spoilt("it has %d tasks", maps)
	}
	seen, tasks := make([]bool, maps+1), 0
	for _, ranges := range committed {
		for r := range strings.SplitSeq(ranges, ",") {
			from, to, several := strings.Cut(r, "-")
			if !several {
				to = from
			}
			first, err := strconv.Atoi(from)
			last, err2 := strconv.Atoi(to)
			if err != nil || err2 != nil || first < 1 || last > maps {
				return spoilt("the committed tasks don't cover the job: of %d tasks %q were committed", maps, r)
			}
			for n := first; n <= last; n++ {
				if seen[n] {
					return spoilt("the committed tasks don't cover the job: task %d was committed twice", n)
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
	return spoilt("the committed tasks don't cover the job: task %d was not committed", missing)
}
