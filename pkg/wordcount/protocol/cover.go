package protocol

import (
	"strconv"
	"strings"
)

// Covered checks that the outputs have each of a job's map tasks exactly once. No crash
// and no rollback to a snapshot breaks that. But a log that was torn in the middle of a commit may
// bring half of one commit back beside the whole of another.
func Covered(outputs []Output, maps int) error {
	if maps < 0 || maps > maxMaps {
		return Damaged("it has %d tasks", maps)
	}
	seen, tasks := make([]bool, maps+1), 0
	for _, output := range outputs {
		for r := range strings.SplitSeq(output.Tasks, ",") {
			from, to, several := strings.Cut(r, "-")
			if !several {
				to = from
			}
			first, err := strconv.Atoi(from)
			last, err2 := strconv.Atoi(to)
			if err != nil || err2 != nil || first < 1 || last > maps {
				return Damaged("the committed tasks don't cover the job: of %d tasks %q were committed", maps, r)
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
