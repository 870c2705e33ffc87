package show

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/dustin/go-humanize"
)

// Status is what the target status prints. The names in JSON are API.
type Status struct {
	Job     string         `json:"job"`
	Phase   string         `json:"phase"` // none, map, reduce, done; sealed: the result is published
	Tasks   taskReport     `json:"tasks"`
	Buried  []buriedReport `json:"buried"`
	Input   string         `json:"input"`  // the inputs, one a line
	Inputs  []string       `json:"inputs"` // files, folders and patterns
	Bytes   int64          `json:"bytes"`  // bytes of input that are committed
	Total   int64          `json:"total"`  // bytes of input
	Keep    int            `json:"keep"`   // words that the sorted set may have, while files have all; 0: all are in the set
	Redis   redisReport    `json:"redis"`
	Workers []workerReport `json:"workers"`
	Hosts   []hostReport   `json:"hosts"`
	Again   againReport    `json:"again"`

	Counts countsReport   `json:"counts"`
	Tally  protocol.Tally `json:"tally"` // of a sealed job: what became of its records, and of compressed files

	Skipped []plan.SkippedFor `json:"skipped"` // what of the input isn't counted
	list    string            // the file with the complete list
}

// sealedPhase is the phase of a job whose result is published.
const sealedPhase = "sealed"

type taskReport struct {
	Total     int `json:"total"` // map and reduce tasks
	Done      int `json:"done"`
	Pending   int `json:"pending"`   // as XPENDING says: delivered and not acknowledged
	Abandoned int `json:"abandoned"` // pending ones of workers that are gone

	Maps    int `json:"maps"`
	Mapped  int `json:"mapped"`
	Reduces int `json:"reduces"`
	Reduced int `json:"reduced"`
}

// countsReport is what is counted, as the options have it.
type countsReport struct {
	Field  string `json:"field"` // of each record; "": plain text
	Words  string `json:"words"` // of the field's value
	Fold   string `json:"fold"`  // of each word
	Strict bool   `json:"strict"`
}

// againReport is what had to be done again, or is tried again.
type againReport struct {
	Redone   int `json:"redone"`   // tasks, as the supervisors of this folder have seen
	Retries  int `json:"retries"`  // how often a task was taken over from a worker, or failed
	Taken    int `json:"taken"`    // tasks that were taken over, each once
	Revoked  int `json:"revoked"`  // tasks that were taken back because their map output was lost
	Replaced int `json:"replaced"` // tasks that workers had, and that others settled
}

type buriedReport struct {
	Task   string `json:"task"`             // its stream and number
	File   string `json:"file,omitempty"`   // of a map
	Offset *int64 `json:"offset,omitempty"` // of a map: bytes of the file before its split
	More   int    `json:"more,omitempty"`   // of a map: number of other small files in the task
	Error  string `json:"error"`

	what string // the task as people see it
}

type redisReport struct {
	Kind string `json:"kind"`
	Addr string `json:"addr"`
	PID  int    `json:"pid,omitempty"`
}

// StatusOf reads the status of the job that was run last in the state folder.
func StatusOf(ctx context.Context, job *wordcount.Job) (Status, error) {
	if err := job.Last(); err != nil {
		return Status{}, err
	}
	return statusOf(ctx, job)
}

// statusOf reads the status of a job that Last has found.
func statusOf(ctx context.Context, job *wordcount.Job) (Status, error) {
	rdb, server, err := job.Redis(ctx)
	if err != nil {
		return Status{}, err
	}
	last := job.Planned()
	r := Status{
		Job: last.Job.ID, Phase: "none", Input: strings.Join(last.Manifest.Inputs, "\n"), Inputs: last.Manifest.Inputs, Total: last.Manifest.Bytes, Keep: last.Job.Keep, Workers: []workerReport{}, Hosts: []hostReport{}, Buried: []buriedReport{},
		Redis:   redisReport{string(server.Kind), server.Addr, server.Pid},
		Skipped: append([]plan.SkippedFor{}, last.Manifest.Skips()...), list: job.Folder().Skipped(last.Job.ID),
	}
	if counting, err := plan.ParseCounting(last.Job.Counting); err == nil {
		r.Counts = countsReport{counting.Field.String(), counting.Words.Words(), counting.Words.Fold(), counting.Strict}
	}
	st, err := job.Status(ctx)
	if errors.Is(err, wordcount.ErrState) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	dead, err := job.DeadLetters(ctx)
	if err != nil {
		return r, err
	}
	if len(dead) > 0 { // a job has many splits, so they are computed only if needed
		r.Buried = describe(dead, last.Splits())
	}
	r.Phase, r.Bytes = string(st.Phase), st.Bytes
	r.Tasks = taskReport{st.Maps + st.Reducers, st.Done(), st.Pending(), abandoned(st), st.Maps, st.Mapped, st.Reducers, st.Reduced}
	if sealed, ok, err := job.Folder().Sealed(last.Job.ID); err == nil && ok && sealed.Fence == st.Final {
		r.Phase, r.Tally = sealedPhase, sealed.Tally
	}
	var held []protocol.Held
	if r.Tasks.Pending > 0 {
		// Without the ages of leases there is still a status.
		held, _ = protocol.Client{Redis: rdb, Job: last.Job}.HeldTasks(ctx, heldMost)
	}
	r.Workers = workersOf(st, held, job.Config().Lease)
	r.Hosts = hostsOf(r.Workers)
	r.Again = againReport{Redone: job.Folder().Redone(last.Job.ID, st.Run).Tasks, Retries: st.Troubles, Taken: st.Taken, Revoked: st.Revoked}
	for _, w := range r.Workers {
		r.Again.Replaced += w.Elsewhere
	}
	return r, nil
}

// String says what is counted; "" for the words of plain text.
func (c countsReport) String() string {
	if c.Field == "" && (c.Words == "" || c.Words == "fields") && c.Fold == "" {
		return ""
	}
	var what []string
	for _, part := range [][2]string{{"", c.Field}, {"words ", c.Words}, {"fold ", c.Fold}} {
		if part[1] != "" {
			what = append(what, part[0]+part[1])
		}
	}
	if c.Strict {
		what = append(what, "strict")
	}
	return strings.Join(what, ", ")
}

// describe names the file and the offset of each map task that was given up. A reduce task has
// neither.
func describe(dead []protocol.DeadLetter, splits []plan.Split) []buriedReport {
	reports := make([]buriedReport, len(dead))
	for i, t := range dead {
		name := fmt.Sprintf("%s %d", t.Stream, t.Number)
		r := buriedReport{Task: name, Error: t.Cause.Text, what: name}
		if t.Stream == protocol.Maps && t.Number >= 1 && t.Number <= len(splits) {
			split := splits[t.Number-1]
			r.File, r.Offset, r.More = split.Path, &split.Off, len(split.More)
			r.what = fmt.Sprintf("%s, %s", name, split)
		}
		reports[i] = r
	}
	return reports
}

// JSON writes the status for programs.
func (r Status) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// text says for people what had to be done again; "" if nothing had to.
func (a againReport) text() string {
	var parts []string
	if a.Redone > 0 {
		parts = append(parts, Plural(a.Redone, "task")+" redone")
	}
	if a.Retries > 0 {
		parts = append(parts, Plural(a.Retries, "retry"))
	}
	if a.Revoked > 0 {
		parts = append(parts, fmt.Sprintf("%s taken back with a lost map output", Plural(a.Revoked, "task")))
	}
	return strings.Join(parts, ", ")
}

// buriedShown is how many of the tasks that were given up are listed for people.
const buriedShown = 10

// Text writes the status for people.
func (r Status) Text(w io.Writer) {
	line := func(format string, args ...any) { fmt.Fprintln(w, plain(fmt.Sprintf(format, args...))) }
	line("job      %s  %s", r.Job, r.Phase)
	tasks := fmt.Sprintf("%s of %s done, %s pending", comma(r.Tasks.Done), comma(r.Tasks.Total), comma(r.Tasks.Pending))
	if r.Tasks.Abandoned > 0 {
		tasks += fmt.Sprintf(" (%s of workers that are gone)", comma(r.Tasks.Abandoned))
	}
	line("tasks    %s, %s given up", tasks, comma(len(r.Buried)))
	line("input    %s of %s in %s", humanize.IBytes(uint64(r.Bytes)), humanize.IBytes(uint64(r.Total)), plan.NameOf(r.Inputs))
	if r.Keep > 0 {
		line("keeps    the %s most frequent words in the sorted set, all words in files", humanize.Comma(int64(r.Keep)))
	}
	if what := r.Counts.String(); what != "" {
		line("counts   %s", what)
	}
	for _, of := range records(r.Tally, r.Counts.Field) {
		line("records  %s", of)
	}
	for _, skipped := range r.Skipped {
		line("skipped  %v", skipped)
	}
	if len(r.Skipped) > 0 {
		line("         all of them: %s", r.list)
	}
	line("redis    %s  %s", r.Redis.Kind, r.Redis.Addr)
	if again := r.Again.text(); again != "" {
		line("again    %s", again)
	}
	shown := min(len(r.Buried), buriedShown)
	for _, t := range r.Buried[:shown] {
		line("given up %s: %s", t.what, t.Error)
	}
	if more := len(r.Buried) - shown; more > 0 {
		line("given up %s more: status -json lists all", humanize.Comma(int64(more)))
	}
	fleet(w, r.Hosts, r.Workers)
}
