package show

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// workersShown is how many workers are listed for people. Of more, only those with which something
// is the matter are listed.
const workersShown = 16

// fleet writes the workers for people: a table of the hosts, if there are several, and one of the
// workers.
func fleet(w io.Writer, hosts []hostReport, workers []workerReport) {
	if len(hosts) > 1 {
		fmt.Fprintln(w)
		hostTable(hosts).write(w)
	}
	listed := workers
	if len(workers) > workersShown {
		listed = slices.DeleteFunc(slices.Clone(workers), func(w workerReport) bool { return w.Trouble == "" })
		listed = listed[:min(len(listed), workersShown)]
	}
	if len(listed) > 0 {
		fmt.Fprintln(w)
		workerTable(listed).write(w)
	}
	if more := len(workers) - len(listed); more > 0 {
		fmt.Fprintf(w, "%s more: status -json lists all\n", Plural(more, "worker"))
	}
}

func hostTable(hosts []hostReport) *table {
	t := &table{left: 1}
	t.add("host", "workers", "working", "held", "done", "input", "rate", "oldest lease", "trouble")
	var all hostReport
	row := func(name string, h hostReport) {
		t.add(name, comma(h.Workers), comma(h.Working), comma(h.Tasks), comma(h.Done), size(h.Bytes), rate(h.Rate), age(h.Lease), comma(h.Trouble))
	}
	for _, h := range hosts {
		row(h.Host, h)
		all.Workers, all.Working, all.Tasks, all.Done = all.Workers+h.Workers, all.Working+h.Working, all.Tasks+h.Tasks, all.Done+h.Done
		all.Bytes, all.Rate, all.Lease, all.Trouble = all.Bytes+h.Bytes, all.Rate+h.Rate, older(all.Lease, h.Lease), all.Trouble+h.Trouble
	}
	row("all", all)
	return t
}

func workerTable(workers []workerReport) *table {
	t := &table{left: 3}
	t.add("worker", "host", "state", "held", "done", "input", "rate", "lease")
	for _, w := range workers {
		t.add(strconv.Itoa(w.PID), w.Host, w.State, comma(w.Tasks), comma(w.Done), size(w.Bytes), rate(w.Rate), age(w.Lease), w.remark())
	}
	return t
}

// remark says what is the matter with a worker.
func (w workerReport) remark() string {
	switch w.Trouble {
	case silent:
		return "silent: others take over what it holds"
	case waits:
		return "waits: " + w.Waits
	case straggler:
		return fmt.Sprintf("straggler: nothing done for %s", time.Duration(w.Busy*float64(time.Second)).Round(time.Second))
	}
	return ""
}

func comma(n int) string { return humanize.Comma(int64(n)) }

func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

func rate(bytes float64) string { return size(int64(bytes)) + "/s" }

func age(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return fmt.Sprintf("%.1fs", *seconds)
}
