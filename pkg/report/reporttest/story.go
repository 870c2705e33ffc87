// Package reporttest has the events of a run that the tests of several rooms read and draw.
package reporttest

import (
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// Moment is a time of the story, in milliseconds.
func Moment(ms int) time.Time { return time.UnixMilli(1_790_000_000_000 + int64(ms)) }

// Story is what a job of two workers writes down. A worker dies of its second task, which the other
// one takes. Redis goes back, a map output is lost, and another supervisor goes on.
func Story() (all []event.Record) {
	names := []string{"", "host-" + "AAAAAAAAAAAAAAAAAAAAAAAAAA", "host-" + "BBBBBBBBBBBBBBBBBBBBBBBBBB", "host-" + "CCCCCCCCCCCCCCCCCCCCCCCCCC"}
	add := func(ms int, worker int, name string, change func(*event.Record)) {
		r := event.Record{Time: Moment(ms), Name: name}
		r.Worker = names[worker]
		if change != nil {
			change(&r)
		}
		all = append(all, r)
	}
	work := func(stream, tasks string) func(*event.Record) {
		return func(r *event.Record) { r.Stream, r.Tasks, r.How = stream, tasks, event.Fresh }
	}
	commit := func(output, tasks string) func(*event.Record) {
		return func(r *event.Record) { r.Stream, r.Tasks, r.Output, r.Bytes = "map", tasks, output, 8<<20 }
	}
	start := func(pid, slot int) func(*event.Record) {
		return func(r *event.Record) { r.PID, r.Slot = pid, slot }
	}
	sample := func(ms, mapped, reduced int, memory int64) {
		add(ms, 0, event.Sample, func(r *event.Record) { r.Mapped, r.Reduced, r.Memory = mapped, reduced, memory })
	}
	phase := func(ms int, name string) {
		add(ms, 0, event.Phase, func(r *event.Record) { r.Phase = name })
	}
	add(0, 0, event.Begin, func(r *event.Record) {
		r.ID, r.Host, r.PID, r.Maps, r.Reducers, r.Files, r.Bytes, r.Workers = "0123456789abcdef", "host", 1, 6, 2, 6, 48<<20, 2
	})
	add(40, 1, event.Start, start(101, 1))
	add(45, 2, event.Start, start(102, 2))
	phase(60, "map")
	sample(60, 0, 0, 1<<20)
	add(70, 1, event.Attempt, work("map", "1"))
	add(75, 2, event.Attempt, work("map", "2"))
	add(300, 2, event.Send, commit("two", "2"))
	add(310, 2, event.Commit, commit("two", "2"))
	add(320, 2, event.Attempt, work("map", "3"))
	add(400, 1, event.Send, commit("one", "1"))
	add(410, 1, event.Commit, commit("one", "1"))
	add(420, 1, event.Attempt, work("map", "4"))
	sample(430, 2, 0, 2<<20)
	add(500, 0, event.Checkpoint, func(r *event.Record) { r.N, r.Took = 1, 12_000_000 })
	add(600, 1, event.Death, func(r *event.Record) { r.PID, r.Slot, r.Why = 101, 1, "died: killed" })
	add(640, 3, event.Start, start(103, 1))
	add(660, 3, event.Steal, work("map", "4"))
	add(670, 3, event.Attempt, func(r *event.Record) { r.Stream, r.Tasks, r.How = "map", "4", event.Stolen })
	add(700, 2, event.Send, commit("three", "3"))
	add(705, 2, event.Commit, commit("three", "3"))
	add(800, 0, event.Restart, func(r *event.Record) { r.Life, r.Lost = "life", 1 })
	sample(810, 2, 0, 1<<20)
	add(820, 2, event.Attempt, work("map", "3"))
	add(900, 3, event.Send, commit("four", "4"))
	add(910, 3, event.Commit, commit("four", "4"))
	add(915, 3, event.Attempt, work("map", "5"))
	add(1000, 2, event.Send, commit("three again", "3"))
	add(1010, 2, event.Commit, commit("three again", "3"))
	add(1020, 0, event.Begin, func(r *event.Record) { r.ID, r.Host, r.PID = "0123456789abcdef", "host", 2 })
	add(1030, 2, event.Attempt, work("map", "5-6"))
	add(1200, 3, event.Send, commit("five", "5"))
	add(1210, 3, event.Commit, commit("five", "5"))
	add(1220, 2, event.Send, commit("five and six", "5-6"))
	add(1230, 2, event.Commit, func(r *event.Record) {
		commit("five and six", "5-6")(r)
		r.Settled, r.Open = "5", "6"
	})
	add(1240, 2, event.Attempt, work("map", "6"))
	add(1300, 2, event.Send, commit("six", "6"))
	add(1310, 2, event.Commit, commit("six", "6"))
	phase(1320, "reduce")
	add(1330, 3, event.Attempt, work("reduce", "1-2"))
	add(1400, 3, event.Revoke, func(r *event.Record) {
		r.Output, r.Why = "six", "shuffle: map output is lost: job/run/map/six: it is not there"
	})
	phase(1410, "map")
	add(1420, 2, event.Attempt, work("map", "6"))
	add(1500, 2, event.Send, commit("six again", "6"))
	phase(1510, "reduce")
	add(1520, 3, event.Attempt, work("reduce", "1-2"))
	add(1600, 3, event.Commit, work("reduce", "1-2"))
	sample(1610, 6, 2, 3<<20)
	phase(1620, "done")
	add(1700, 0, event.Outputs, func(r *event.Record) {
		r.Names = []string{"one", "two", "three again", "four", "five", "six again"}
	})
	add(1701, 0, event.Sealed, func(r *event.Record) { r.Words, r.Distinct, r.Redone = 10175517, 197334, 4 })
	return all
}
