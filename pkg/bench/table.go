package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	m := r.Machine
	fmt.Fprintf(w, "%s, %d processors (%s), %s; load before: %.2f\n", m.System, m.Processors, m.Processor, m.Go, m.Load)
	if m.busy() {
		fmt.Fprintln(w, "! others were at work when this began: the figures mean little")
	}
	if len(m.Options) > 0 {
		fmt.Fprintf(w, "with %s\n", strings.Join(m.Options, " "))
	}
	if r.Pairs != nil {
		fmt.Fprintf(w, "\n%s; %s found; rounds: %d, after one that doesn't count\n", r.Pairs[0].Corpus,
			humanize.Comma(int64(r.Pairs[0].Distinct)), len(r.Pairs[0].Runs))
		printRows(w, "TO OURS", r.Pairs)
		printJob(w, r.Pairs[0])
	}
	for _, g := range r.Goals {
		verdict := "not met"
		if g.Met {
			verdict = "met"
		}
		fmt.Fprintf(w, "\n%s: %.3f, the goal is %.4g: %s (%s)\n", g.Name, g.Ratio, g.Limit, verdict, g.Rows[0].Corpus.size())
		printRows(w, "RATIO", g.Rows)
		for _, row := range g.Rows {
			fmt.Fprintf(w, "  %s: %d checkpoints, %d kills a round\n", row.Name, row.saves(), row.kills())
		}
	}
	for _, s := range r.Sweeps {
		fmt.Fprintf(w, "\nby %s: %s\n", s.Name, s.Picture)
		for _, p := range s.Points {
			fmt.Fprintf(w, "%s %s\n", s.Axis, humanize.Commaf(p.X))
			printRows(w, "TO OURS", p.Rows)
		}
	}
}

func printRows(w io.Writer, ratio string, rows []Row) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\tSECONDS\tMIN–MAX\tMB/S\t%s\tCPU S\tMEMORY\tCOUNTS\t\n", ratio)
	for _, r := range rows {
		if r.Error != "" {
			line, _, _ := strings.Cut(r.Error, "\n")
			fmt.Fprintf(table, "%s\t! %s\t\t\t\t\t\t\t\n", r.Name, line)
			continue
		}
		cpu := r.CPU.Median
		if r.Redis != nil {
			cpu += r.Redis.CPU
		}
		fmt.Fprintf(table, "%s\t%.3f\t%.3f–%.3f\t%.1f\t%.2f\t%.2f\t%s\t%s\t%s\n", r.Name, r.Wall.Median, r.Wall.Min, r.Wall.Max,
			r.Speed, r.Ratio, cpu, humanize.IBytes(uint64(r.Memory.Total())), r.Counts, r.Note)
	}
	table.Flush()
}

// printJob says what a job's columns are made of.
func printJob(w io.Writer, r Row) {
	m := r.Memory
	if len(m.Workers) > 0 {
		workers := make([]string, len(m.Workers))
		for i, bytes := range m.Workers {
			workers[i] = humanize.IBytes(uint64(bytes))
		}
		fmt.Fprintf(w, "memory of %s: supervisor %s, workers %s, redis %s\n", r.Name, humanize.IBytes(uint64(m.Supervisor)),
			strings.Join(workers, " + "), humanize.IBytes(uint64(m.Redis)))
	} else {
		fmt.Fprintf(w, "memory of %s: largest process %s, redis %s\n", r.Name, humanize.IBytes(uint64(m.Largest)), humanize.IBytes(uint64(m.Redis)))
	}
	if u := r.Redis; u != nil {
		fmt.Fprintf(w, "redis: %.2f s of CPU, %s received, %s sent, checkpoints: %d\n", u.CPU, humanize.Bytes(uint64(u.Received)),
			humanize.Bytes(uint64(u.Sent)), u.Saves)
	}
}

func (r Row) saves() int {
	if r.Redis == nil {
		return 0
	}
	return r.Redis.Saves
}

func (r Row) kills() int {
	return int(spread(r.Runs, func(run Run) float64 { return float64(run.Kills) }).Median)
}
