package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

func printPairs(w io.Writer, rows []row) {
	first := rows[0]
	fmt.Fprintf(w, "\n%s; %s found; rounds: %d, after one that doesn't count\n", first.corpus,
		humanize.Comma(int64(first.tally.distinct)), len(first.samples))
	printRows(w, "TO OURS", rows, first)
	fmt.Fprintf(w, "redis, for %s: %.2f s of CPU, %s of memory, %s received, %s sent, checkpoints: %.0f\n", first.name, first.spent(redisCPU),
		humanize.IBytes(uint64(first.spent(redisMemory))), humanize.Bytes(uint64(first.spent(received))),
		humanize.Bytes(uint64(first.spent(sent))), first.spent(checkpoints))
}

func printGoal(w io.Writer, g goal) {
	if len(g.rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s: %s; %s found\n", g.name, g.rows[0].corpus, humanize.Comma(int64(g.rows[0].tally.distinct)))
	printRows(w, "RATIO", g.rows, g.rows[g.base])
	for _, r := range g.rows {
		if r.spent(received) == 0 {
			continue
		}
		fmt.Fprintf(w, "  %s: redis took %.2f s of CPU, %s received; %.0f checkpoints, %.0f kills a round\n", r.name, r.spent(redisCPU),
			humanize.Bytes(uint64(r.spent(received))), r.spent(checkpoints), r.spent(kills))
	}
}

func printSweep(w io.Writer, s sweep) {
	fmt.Fprintf(w, "\nby %s: %s\n", s.name, s.picture)
	for _, p := range s.points {
		fmt.Fprintf(w, "%s %s\n", s.x, humanize.Commaf(p.x))
		printRows(w, "TO OURS", p.rows, p.rows[0])
	}
}

// printRows prints the rows, and the ratio of each to one of them.
func printRows(w io.Writer, ratio string, rows []row, to row) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "\tSECONDS\tMIN–MAX\tMB/S\t%s\tCPU S\tMEMORY\tCOUNTS\n", ratio)
	for _, r := range rows {
		if r.err != nil {
			line, _, _ := strings.Cut(r.err.Error(), "\n")
			fmt.Fprintf(table, "%s\t! %s\t\t\t\t\t\t\n", r.name, line)
			continue
		}
		t, once := r.seconds(), ""
		if r.slow {
			once = "; slow, so measured once"
		}
		fmt.Fprintf(table, "%s\t%.3f\t%.3f–%.3f\t%.1f\t%.2f\t%.2f\t%s\t%s%s\n", r.name, t.median, t.min, t.max,
			r.megabytes()/t.median, r.ratio(to), r.spent(cpu), humanize.IBytes(uint64(r.memory)), r.counts, once)
	}
}
