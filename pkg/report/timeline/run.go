package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/report/text"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// Run is what happened to a job, from its first event to its last.
type Run struct {
	Job      string
	Begin    event.Record // of the first process
	From, To time.Time
	State    State
	Why      string // the job has stopped
	Sealed   event.Record
	Lanes    []*Lane
	Marks    []Mark // in the order of their times
	Phases   []Span
	Samples  []event.Record
	Left     int // lines of the journal that are no events

	name  func(stream string, task int) string
	holds map[id]*Attempt // the attempt that did each task for good
}

// id names a task.
type id struct {
	stream string
	task   int
}

// State is how a run stands.
type State string

// The states of a run.
const (
	Running State = "running"
	Stopped State = "stopped"
	Sealed  State = "sealed"
)

// Span is a phase of the job, from its begin to the next one.
type Span struct {
	Name     string
	From, To time.Time
}

// Kind is what a mark stands for.
type Kind string

// The kinds of marks.
const (
	Death      Kind = "death"
	Theft      Kind = "steal"
	Revocation Kind = "revoke"
	Error      Kind = "error"
	Checkpoint Kind = "checkpoint"
	Restart    Kind = "restart"    // of Redis
	Rollback   Kind = "rollback"   // tasks that were done are undone
	Supervisor Kind = "supervisor" // another one goes on with the job
)

// Mark is something that happened at one moment.
type Mark struct {
	Kind Kind
	At   time.Time
	Lane *Lane // nil: it concerns all
	Text string
}

// Read reads what happened to a job of a folder. A job without events has a zero From.
func Read(folder state.Folder, job string) (Run, error) {
	records, left, err := event.Load(folder.Events(job))
	if err != nil {
		return Run{}, err
	}
	r := Of(records)
	r.Job, r.Left = job, left
	if p, err := folder.Load(job); err == nil {
		splits := p.Splits()
		r.name = func(stream string, task int) string {
			if stream != "map" || task < 1 || task > len(splits) {
				return ""
			}
			return splits[task-1].String()
		}
	}
	if r.State == Running && !folder.Supervised(job) {
		r.State, r.Why = Stopped, "the supervisor has ended without a word"
	}
	return r, nil
}

// Of makes a run of the events of a journal.
func Of(records []event.Record) Run {
	b := builder{
		workers: map[string]*worker{}, last: map[string]time.Time{}, batches: map[string][]*Attempt{},
		latest: map[id]*Attempt{}, lives: map[string]bool{}, revoked: map[string]bool{}, seen: map[string]bool{},
	}
	for _, r := range records {
		if r.Worker != "" {
			b.last[text.Cut(r.Worker, text.NameMost)] = r.Time
		}
	}
	for _, r := range records {
		b.add(r)
	}
	b.finish()
	return b.run
}

// builder makes a run, event by event.
type builder struct {
	run     Run
	workers map[string]*worker    // by name
	last    map[string]time.Time  // the last event of each worker
	batches map[string][]*Attempt // those of one commit, by its output
	lives   map[string]bool       // of the server
	revoked map[string]bool       // outputs
	seen    map[string]bool       // deaths and leaves, by worker
	latest  map[id]*Attempt       // at each task
	numbers int                   // of tasks, in all attempts
	final   []string              // the outputs that count; nil: nobody has said it
}

// worker is one life of a worker.
type worker struct {
	name    string
	lane    *Lane
	life    *Life
	current *Attempt
	open    []*Attempt // counted, and not sent
}

func (b *builder) add(r event.Record) {
	r.Why, r.Host, r.Worker, r.Stream = text.Cut(r.Why, text.WhyMost), text.Cut(r.Host, text.NameMost), text.Cut(r.Worker, text.NameMost), text.Cut(r.Stream, 10)
	run := &b.run
	if run.From.IsZero() {
		run.From, run.State = r.Time, Running
	}
	run.To = r.Time
	switch r.Name {
	case event.Begin:
		b.begin(r)
	case event.End:
		run.State, run.Why = Stopped, r.Why
		b.closePhase(r.Time)
	case event.Sealed:
		run.State, run.Sealed = Sealed, r
		b.closePhase(r.Time)
	case event.Outputs:
		b.final = append([]string{}, r.Names...)
	case event.Phase:
		b.phase(r.Phase, r.Time)
	case event.Sample:
		run.Samples = append(run.Samples, r)
	case event.Checkpoint:
		b.mark(Checkpoint, r, nil, "checkpoint, taken in %s", text.Short(r.Took))
	case event.Restart:
		if !b.lives[r.Life] {
			b.lives[r.Life] = true
			b.mark(Restart, r, nil, "Redis was started again; %s", toRedo(r.Lost))
		}
	case event.Rollback:
		b.mark(Rollback, r, nil, "Redis has lost some of its data; %s", toRedo(r.Lost))
	case event.Wiped:
		b.mark(Rollback, r, nil, "the job begins anew: %s", r.Why)
	default:
		if r.Worker != "" {
			b.ofWorker(r)
		}
	}
}

func toRedo(tasks int) string {
	if tasks == 0 {
		return "nothing to redo"
	}
	return text.Plural(tasks, "task") + " to redo"
}

func (b *builder) begin(r event.Record) {
	if b.run.Begin.Name != "" {
		b.run.State, b.run.Why = Running, ""
		b.mark(Supervisor, r, nil, "process %d on %s goes on with the job", r.PID, r.Host)
		return
	}
	b.run.Begin, b.run.Job = r, r.ID
	b.phase("plan and seed", r.Time)
}

// phase begins a phase, unless the job is in it already, as another supervisor sees it.
func (b *builder) phase(name string, at time.Time) {
	if n := len(b.run.Phases); n > 0 && b.run.Phases[n-1].Name == name && b.run.Phases[n-1].To.IsZero() {
		return
	}
	b.closePhase(at)
	b.run.Phases = append(b.run.Phases, Span{Name: name, From: at})
}

func (b *builder) closePhase(at time.Time) {
	if n := len(b.run.Phases); n > 0 && b.run.Phases[n-1].To.IsZero() {
		b.run.Phases[n-1].To = at
	}
}

func (b *builder) mark(kind Kind, r event.Record, lane *Lane, format string, args ...any) {
	b.run.Marks = append(b.run.Marks, Mark{Kind: kind, At: r.Time, Lane: lane, Text: fmt.Sprintf(format, args...)})
}

// ofWorker adds an event of a worker.
func (b *builder) ofWorker(r event.Record) {
	w := b.worker(r)
	w.life.To = r.Time
	switch r.Name {
	case event.Start:
		w.life.PID = r.PID
	case event.Death:
		if !b.seen[w.name] {
			b.seen[w.name] = true
			w.life.Died = true
			b.end(w, r.Time, "the worker "+r.Why)
			b.mark(Death, r, w.lane, "worker %s %s", w.called(), r.Why)
		}
	case event.Leave:
		if !b.seen[w.name] {
			b.seen[w.name] = true
			b.end(w, r.Time, "the worker left, and gave it back")
		}
	case event.Attempt:
		b.attempt(w, r)
	case event.Steal:
		b.mark(Theft, r, w.lane, "worker %s took %s of %s", w.called(), of(r.Stream, r.Tasks), b.owner(r))
	case event.Send:
		b.send(w, r)
	case event.Commit:
		b.answer(w, r)
	case event.Failed:
		b.fail(w, r)
		b.mark(Error, r, w.lane, "worker %s failed at %s: %s", w.called(), of(r.Stream, r.Tasks), r.Why)
	case event.Buried:
		b.mark(Error, r, w.lane, "%s was given up: %s", of(r.Stream, r.Tasks), r.Why)
	case event.Revoke:
		b.revoke(w, r)
	case event.Back:
		b.end(w, r.Time, "maps had to be done first")
	}
}

// owner says who worked on a stolen task last.
func (b *builder) owner(r event.Record) string {
	first := slices.Min(append(event.ParseRanges(r.Tasks), 1<<30))
	latest := b.latest[id{r.Stream, first}]
	if latest == nil || latest.Worker == r.Worker {
		return "another worker"
	}
	return "worker " + b.workers[latest.Worker].called()
}

// of names tasks for people.
func of(stream, tasks string) string {
	n := len(event.ParseRanges(tasks))
	name, numbers := text.Cut(stream, 10)+" task", text.Cut(tasks, 36)
	if n != 1 {
		name += "s"
	}
	return name + " " + cmp.Or(numbers, "?")
}

// finish decides what is still open, and puts everything in order.
func (b *builder) finish() {
	r := &b.run
	b.closePhase(r.To)
	b.decide()
	for _, l := range r.Lanes {
		l.order()
	}
	slices.SortStableFunc(r.Marks, func(a, b Mark) int { return a.At.Compare(b.At) })
}
