package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/report/text"
	"github.com/magereduce/magereduce/pkg/report/timeline"
)

// figure is a number of the job.
type figure struct{ Value, Name string }

// figures are the numbers of the job.
func (r drawing) figures() []figure {
	count := func(kind timeline.Kind) (n int) {
		for _, m := range r.Marks {
			if m.Kind == kind {
				n++
			}
		}
		return n
	}
	inVain, attempts := 0, 0
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			attempts++
			if a.Outcome != timeline.Committed && a.Outcome != timeline.Open {
				inVain++
			}
		}
	}
	var all []figure
	add := func(value, name string) { all = append(all, figure{value, name}) }
	number := func(n int, one, many string) {
		if n != 1 {
			one = many
		}
		add(humanize.Comma(int64(n)), one)
	}
	if r.State == timeline.Sealed {
		number(int(r.Sealed.Words), "word", "words")
		number(r.Sealed.Distinct, "distinct word", "distinct words")
	}
	number(r.Begin.Files, "file", "files")
	add(humanize.IBytes(uint64(max(r.Begin.Bytes, 0))), "of input")
	add(text.Short(r.Length()), "in all")
	number(r.Begin.Maps, "map task", "map tasks")
	number(r.Begin.Reducers, "partition", "partitions")
	number(len(r.Lanes), "lane", "lanes")
	number(attempts, "attempt", "attempts")
	number(inVain, "in vain", "in vain")
	number(count(timeline.Death), "death", "deaths")
	number(count(timeline.Theft), "theft", "thefts")
	number(count(timeline.Restart), "restart of Redis", "restarts of Redis")
	number(count(timeline.Checkpoint), "checkpoint", "checkpoints")
	return all
}

// redone is work that was done in vain for one reason, as it is drawn.
type redone struct {
	Why      string
	Outcome  timeline.Outcome
	Attempts int
	Rows     []redoneRow
}

// redoneRow is one attempt that was in vain.
type redoneRow struct {
	At, Worker, Tasks, Took, Again string
}

// Bounds of what a page shows of it.
const (
	redoneRows = 8 // of each reason
	reasons    = 12
)

// inVain lists the work that was done in vain, by reason. more is how many reasons are left out.
func (r drawing) inVain() (all []redone, more int) {
	groups := r.InVain()
	if len(groups) > reasons {
		groups, more = groups[:reasons], len(groups)-reasons
	}
	for _, g := range groups {
		d := redone{Why: g.Why, Outcome: g.Outcome, Attempts: len(g.Attempts)}
		for _, a := range g.Attempts[:min(len(g.Attempts), redoneRows)] {
			d.Rows = append(d.Rows, redoneRow{r.clock(a.From), fmt.Sprint(a.Lane), r.TasksOf(a), text.Short(a.Took(r.Run)), r.again(a)})
		}
		all = append(all, d)
	}
	return all, more
}

// again says who did a task for good.
func (r drawing) again(a *timeline.Attempt) string {
	if len(a.Numbers) == 0 {
		return "–"
	}
	if other := r.ForGood(a); other != nil {
		return fmt.Sprintf("worker %d, at %s", other.Lane, r.clock(other.From))
	}
	return "nobody yet"
}

// part is a part of a whole of time.
type part struct {
	Name, Class, Took string
	Percent           float64
}

func partOf(whole time.Duration, name, class string, took time.Duration) part {
	return part{name, class, text.Short(took), 100 * float64(took) / float64(whole)}
}

// wall says how long each phase took. If a phase came again, after a rollback, its times are added up.
func (r drawing) wall() (parts []part) {
	names := map[string]string{"map": "map", "reduce": "reduce", "done": "seal"}
	var order []string
	took := map[string]time.Duration{}
	for _, p := range r.Phases {
		name := cmp.Or(names[p.Name], "plan and seed")
		if _, known := took[name]; !known {
			order = append(order, name)
		}
		took[name] += p.To.Sub(p.From)
	}
	classes := map[string]string{"plan and seed": "seed", "map": "map", "reduce": "reduce", "seal": "seal"}
	for _, name := range order {
		parts = append(parts, partOf(r.Length(), name, classes[name], took[name]))
	}
	return parts
}

// labour says what the workers did with their time.
func (r drawing) labour() []part {
	did := r.Labour()
	whole := did.Counting + did.Storing + did.Vain + did.Idle
	return []part{
		partOf(whole, "counting", "committed", did.Counting),
		partOf(whole, "merging and storing", "reduce", did.Storing),
		partOf(whole, "in vain", "lost", did.Vain),
		partOf(whole, "starting, waiting for tasks and answers", "idle", did.Idle),
	}
}
