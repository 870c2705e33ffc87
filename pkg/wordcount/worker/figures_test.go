package worker

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// figures are what a run of a crowd took.
type figures struct {
	crowd
	lives   int
	mapped  spent // from the first call to the last commit
	reduced spent // from there to the last total
	calls   map[string]int64
	keys    map[string]int64 // bytes
	outputs int
	list    int64  // bytes in the reply that lists the outputs
	peak    int64  // bytes
	longest string // the calls that took longer than a millisecond, by name
	average string // what calls took on average, by name
}

// moment is what the server has done so far.
type moment struct {
	at       time.Time
	cpu      time.Duration
	commands int64 // those that functions call included
	in, out  int64 // bytes
	clients  int64
}

// info is what the server says of itself.
type info map[string]string

func infoOf(t *testing.T, rdb redis.UniversalClient, sections ...string) info {
	t.Helper()
	read, err := rdb.InfoMap(t.Context(), sections...).Result()
	check.Must(t, err)
	all := info{}
	for _, section := range read {
		maps.Copy(all, section)
	}
	return all
}

func (i info) number(name string) int64 {
	n, _ := strconv.ParseFloat(i[name], 64)
	return int64(n)
}

func (i info) seconds(name string) time.Duration {
	s, _ := strconv.ParseFloat(i[name], 64)
	return time.Duration(s * float64(time.Second))
}

func now(t *testing.T, rdb redis.UniversalClient) moment {
	t.Helper()
	i := infoOf(t, rdb)
	return moment{
		at: time.Now(), cpu: i.seconds("used_cpu_user") + i.seconds("used_cpu_sys"), commands: i.number("total_commands_processed"),
		in: i.number("total_net_input_bytes"), out: i.number("total_net_output_bytes"), clients: i.number("connected_clients"),
	}
}

// spent is what lies between two moments.
type spent struct {
	time, cpu time.Duration
	commands  int64
	in, out   int64 // bytes
	clients   int64 // at its end
}

func (m moment) since(before moment) spent {
	return spent{m.at.Sub(before.at), m.cpu - before.cpu, m.commands - before.commands, m.in - before.in, m.out - before.out, m.clients}
}

// average is how long the server took for the calls of each command, on average. Commands that
// functions call count, too.
func average(t *testing.T, rdb redis.UniversalClient) string {
	t.Helper()
	var all []string
	stats := infoOf(t, rdb, "commandstats")
	for _, command := range slices.Sorted(maps.Keys(stats)) {
		var calls, usec int64
		var each float64
		fmt.Sscanf(stats[command], "calls=%d,usec=%d,usec_per_call=%f", &calls, &usec, &each)
		if usec > 100_000 {
			all = append(all, fmt.Sprintf("%s %.1f µs × %d", strings.TrimPrefix(command, "cmdstat_"), each, calls))
		}
	}
	return strings.Join(all, ", ")
}

// longest tells for each call that ever took longer than a millisecond how long the longest took,
// and how many such calls there were.
func longest(t *testing.T, rdb redis.UniversalClient) string {
	t.Helper()
	slow, err := rdb.SlowLogGet(t.Context(), -1).Result()
	check.Must(t, err)
	if len(slow) == 0 {
		return "none"
	}
	byCall := map[string][]time.Duration{}
	for _, s := range slow {
		args := make([]any, len(s.Args))
		for i, arg := range s.Args {
			args[i] = arg
		}
		args[0] = strings.ToLower(s.Args[0])
		name := wordcounttest.Called(redis.NewCmd(t.Context(), args...))
		byCall[name] = append(byCall[name], s.Duration)
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(byCall)) {
		all = append(all, fmt.Sprintf("%s %v (%d)", name, slices.Max(byCall[name]), len(byCall[name])))
	}
	return strings.Join(all, ", ")
}

// String is a table.
func (f figures) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	size := func(n int64) string { return humanize.IBytes(uint64(n)) }
	row("job", "%d workers, %d lives, %d tasks of %v, %d partitions", f.workers, f.lives, f.tasks, f.pace, f.reducers)
	for _, p := range []struct {
		name string
		done int
		spent
	}{{"maps", f.tasks, f.mapped}, {"reduces", f.reducers, f.reduced}} {
		row(p.name, "%.1f s, %.0f tasks/s, %.0f commands/s, Redis %.1f s of CPU, %s in, %s out, %d connections", p.time.Seconds(),
			float64(p.done)/p.time.Seconds(), float64(p.commands)/p.time.Seconds(), p.cpu.Seconds(), size(p.in), size(p.out), p.clients)
	}
	var all int64
	var calls, keys []string
	for _, name := range slices.Sorted(maps.Keys(f.calls)) {
		all += f.calls[name]
		calls = append(calls, fmt.Sprintf("%s %d", name, f.calls[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(f.keys)) {
		keys = append(keys, name+" "+size(f.keys[name]))
	}
	row("calls", "%d: %s", all, strings.Join(calls, ", "))
	row("outputs", "%d, their list has %s", f.outputs, size(f.list))
	row("keys", "%s, peak of all %s", strings.Join(keys, ", "), size(f.peak))
	row("average", "%s", f.average)
	row("longest", "%s", f.longest)
	w.Flush()
	return b.String()
}
