package show

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
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
	Workers []workerReport `json:"workers"`
	Redis   redisReport    `json:"redis"`

	Counts countsReport   `json:"counts"`
	Tally  protocol.Tally `json:"tally"` // of a sealed job: what became of its records, and of compressed files

	Skipped []plan.SkippedFor `json:"skipped"` // what of the input isn't counted
	list    string            // the file with the complete list
}

type taskReport struct {
	Total   int `json:"total"` // map and reduce tasks
	Done    int `json:"done"`
	Pending int `json:"pending"` // as XPENDING says: delivered and not acknowledged
}

// countsReport is what is counted, as the options have it.
type countsReport struct {
	Field  string `json:"field"` // of each record; "": plain text
	Words  string `json:"words"` // of the field's value
	Fold   string `json:"fold"`  // of each word
	Strict bool   `json:"strict"`
}

type workerReport struct {
	ID    string `json:"id"`
	PID   int    `json:"pid"`
	Host  string `json:"host"`
	State string `json:"state"` // working or idle
	Tasks int    `json:"tasks"` // held now
	Done  int    `json:"done"`  // committed by this process
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
	_, server, err := job.Redis(ctx)
	if err != nil {
		return Status{}, err
	}
	last := job.Planned()
	r := Status{
		Job: last.Job.ID, Phase: "none", Input: strings.Join(last.Manifest.Inputs, "\n"), Inputs: last.Manifest.Inputs, Total: last.Manifest.Bytes, Keep: last.Job.Keep, Workers: []workerReport{}, Buried: []buriedReport{},
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
	r.Tasks = taskReport{st.Maps + st.Reducers, st.Mapped + st.Reduced, st.Pending()}
	if sealed, ok, err := job.Folder().Sealed(last.Job.ID); err == nil && ok && sealed.Fence == st.Final {
		r.Phase, r.Tally = "sealed", sealed.Tally
	}
	for _, id := range slices.Sorted(maps.Keys(st.Workers)) {
		info := st.Workers[id]
		r.Workers = append(r.Workers, workerReport{id, info.PID, info.Host, info.State,
			st.PendingMaps[id] + st.PendingReduces[id], info.Tasks})
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

// buriedShown is how many of the tasks that were given up are listed for people.
const buriedShown = 10

// Text writes the status for people.
func (r Status) Text(w io.Writer) {
	line := func(format string, args ...any) { fmt.Fprintln(w, plain(fmt.Sprintf(format, args...))) }
	line("job      %s  %s", r.Job, r.Phase)
	line("tasks    %d of %d done, %d pending, %d given up", r.Tasks.Done, r.Tasks.Total, r.Tasks.Pending, len(r.Buried))
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
	for _, worker := range r.Workers {
		line("worker   %d on %s  %s, holds %d, did %d", worker.PID, worker.Host, worker.State, worker.Tasks, worker.Done)
	}
	shown := min(len(r.Buried), buriedShown)
	for _, t := range r.Buried[:shown] {
		line("given up %s: %s", t.what, t.Error)
	}
	if more := len(r.Buried) - shown; more > 0 {
		line("given up %s more: status -json lists all", humanize.Comma(int64(more)))
	}
}
