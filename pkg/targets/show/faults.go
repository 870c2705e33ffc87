package show

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
)

// Outcomes prints a table of what each fault cost.
func Outcomes(w io.Writer, outcomes []experiment.Outcome) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES\tRECOVERY\tREDONE\tVERDICT")
	for _, o := range outcomes {
		if o.Err != nil {
			fmt.Fprintf(table, "%s\t1\t-\t-\t%s\n", o.Fault.Name, short(o.Err))
			continue
		}
		fmt.Fprintf(table, "%s\t1\t%s\t%s\texact\n", o.Fault.Name, o.Recovery.Round(time.Millisecond), Plural(o.Redone, "task"))
	}
	return table.Flush()
}

// short returns the beginning of an error's first line, so that it fits into a table.
func short(err error) string {
	const most = 80
	line, _, more := strings.Cut(err.Error(), "\n")
	line = plain(line)
	if runes := []rune(line); len(runes) > most {
		line, more = string(runes[:most]), true
	}
	if more {
		line += "…"
	}
	return line
}

// Checked tells how many calls of a storm's jobs were checked.
func Checked(tally experiment.Tally) string {
	text := Plural(tally.Calls, "call") + " checked"
	if tally.Undecided > 0 {
		text += fmt.Sprintf(" (%d of the histories undecided)", tally.Undecided)
	}
	return text
}

// Outlived prints a table of how often jobs recovered from each of the faults in a storm.
func Outlived(w io.Writer, faults []chaos.Fault, tally experiment.Tally) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES")
	for _, fault := range faults {
		fmt.Fprintf(table, "%s\t%d\n", fault.Name, tally.Outlived[fault.Name])
	}
	return table.Flush()
}
