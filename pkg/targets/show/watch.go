package show

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	watchEvery = time.Second
	rateOver   = 10 // looks over which the rate of a worker is measured
)

// WatchStatus shows the status of the last job again and again, until the job is sealed or ctx ends. On
// a terminal each status takes the place of the one before. With inJSON each is one line.
func WatchStatus(ctx context.Context, job *wordcount.Job, inJSON bool) error {
	if err := job.Last(); err != nil {
		return err
	}
	w := &watch{out: &Out, inJSON: inJSON}
	if fd := int(Out.Fd()); term.IsTerminal(fd) {
		w.size = func() (columns, rows int, err error) { return term.GetSize(fd) }
	}
	return w.run(ctx, func() (Status, error) { return statusOf(ctx, job) })
}

// watch shows one status after the other.
type watch struct {
	out    io.Writer
	size   func() (columns, rows int, err error) // of the terminal, which may change; nil: there is none
	inJSON bool

	drawn  int // lines on the terminal that the next status replaces
	last   Status
	recent []sample // the oldest first
}

// sample is how many bytes each worker had counted at some time.
type sample struct {
	at    time.Time
	bytes map[string]int64
}

// run looks again and again. While Redis doesn't answer, it shows what it saw last.
func (w *watch) run(ctx context.Context, look func() (Status, error)) error {
	for first := true; ; first = false {
		st, err := look()
		switch {
		case ctx.Err() != nil:
			return nil // who looks on may leave at any time
		case err != nil && (first || !protocol.Transient(err)):
			return err
		case err == nil:
			w.measure(&st, time.Now())
			w.last = st
		}
		if err := w.show(w.last, err); err != nil {
			return err
		}
		if err == nil && st.Phase == sealedPhase {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// measure sets the rates of workers to those of the last seconds.
func (w *watch) measure(st *Status, now time.Time) {
	s := sample{now, map[string]int64{}}
	for _, worker := range st.Workers {
		s.bytes[worker.ID] = worker.Bytes
	}
	w.recent = append(w.recent, s)
	if len(w.recent) > rateOver {
		w.recent = w.recent[1:]
	}
	from := w.recent[0]
	passed := now.Sub(from.at).Seconds()
	if passed <= 0 {
		return
	}
	for i := range st.Workers {
		// A worker that is new has counted all that it has within these seconds.
		worker := &st.Workers[i]
		worker.Rate = float64(max(0, worker.Bytes-from.bytes[worker.ID])) / passed
	}
	st.Hosts = hostsOf(st.Workers)
}

// show shows a status, and why there is no newer one.
func (w *watch) show(st Status, unseen error) error {
	if w.inJSON {
		if unseen != nil {
			return nil
		}
		return json.NewEncoder(w.out).Encode(st)
	}
	var text bytes.Buffer
	st.Text(&text)
	if unseen != nil {
		fmt.Fprintf(&text, "\nredis doesn't answer: %s\n", plain(unseen.Error()))
	}
	if w.size == nil {
		_, err := fmt.Fprintf(w.out, "%s\n", &text)
		return err
	}
	return w.replace(strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n"))
}

// replace draws lines in the place of those that were drawn before. A line that the terminal broke,
// or that left it at the top, could not be replaced.
func (w *watch) replace(lines []string) error {
	columns, rows, err := w.size()
	if err != nil {
		return err
	}
	if most := max(rows-1, 2); len(lines) > most {
		lines = append(lines[:most-1:most-1], "…")
	}
	var b strings.Builder
	if w.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", w.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r" + fit(line, columns-1) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	w.drawn = len(lines)
	_, err = io.WriteString(w.out, b.String())
	return err
}
