package targets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/magereduce/magereduce/pkg/report"
	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/targets/export"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// reportWords is how many words a report has.
const reportWords = 25

// Report draws the last run as one HTML file: -out=FILE; -live serves it on this machine while the job runs
func Report(ctx context.Context, out *string, live *bool) error {
	return inFolder(ctx, func(s *session) error {
		if live != nil && *live {
			if out != nil {
				return fmt.Errorf("%w: -live writes no file: leave out -out, or -live", protocol.ErrInput)
			}
			return s.live(ctx)
		}
		return s.report(ctx, out)
	})
}

// report writes the page of the last job.
func (s *session) report(ctx context.Context, out *string) error {
	if err := s.job.Last(); err != nil {
		return err
	}
	run, err := timeline.Read(s.job.Folder(), s.job.ID())
	if err != nil {
		return err
	}
	if run.From.IsZero() {
		return failure.Advise(fmt.Errorf("%w: nothing was written down of job %s", protocol.ErrInput, s.job.ID()), "{mage} clean run")
	}
	words, err := s.reportWords(ctx, run)
	if err != nil {
		s.shown.Note("! no words in the report: %v", err)
	}
	var page bytes.Buffer
	if err := report.Write(&page, run, words); err != nil {
		return err
	}
	var path string
	if out != nil && *out != "" {
		path = *out
		err = export.Write(ctx, path, func(w io.Writer) error {
			_, err := page.WriteTo(w)
			return err
		})
	} else {
		path, err = s.job.Folder().SaveReport(s.job.ID(), page.Bytes())
	}
	if err == nil {
		s.shown.Say("report", "%s", show.Printable(path))
	}
	return err
}

// reportWords returns the top words of a sealed run.
func (s *session) reportWords(ctx context.Context, run timeline.Run) (words []report.Word, err error) {
	if run.State != timeline.Sealed {
		return nil, nil
	}
	r, err := s.job.Result(ctx)
	if err != nil {
		return nil, err
	}
	for e, err := range r.Top(ctx, reportWords) {
		if err != nil {
			return nil, err
		}
		words = append(words, report.Word{Word: e.Word, N: e.N})
	}
	return words, nil
}

// sight is what a look at a job has shown. The next look reads the journal again only if the job, the
// size of its journal or its supervision has changed since.
type sight struct {
	job        string
	size       int64 // of its journal
	supervised bool
	run        timeline.Run
	words      []report.Word
}

// live serves the page of the last job, and of the next one when that begins.
func (s *session) live(ctx context.Context) error {
	var seen sight
	l, err := report.Listen(func() (timeline.Run, []report.Word, error) {
		err := s.job.Last()
		if errors.Is(err, state.ErrNoLast) {
			return timeline.Run{}, nil, nil
		}
		if err != nil {
			return timeline.Run{}, nil, err
		}
		folder, job := s.job.Folder(), s.job.ID()
		now := sight{job: job, supervised: folder.Supervised(job)}
		if file, err := os.Stat(folder.Events(job)); err == nil {
			now.size = file.Size()
		}
		if now.job == seen.job && now.size == seen.size && now.supervised == seen.supervised {
			return seen.run, seen.words, nil
		}
		if now.run, err = timeline.Read(folder, job); err != nil {
			return timeline.Run{}, nil, err
		}
		if now.words, err = s.reportWords(ctx, now.run); err != nil {
			s.shown.Note("! no words in the report: %v", err)
		}
		seen = now
		return seen.run, seen.words, nil
	})
	if err != nil {
		return err
	}
	s.shown.Tell("%s", l.URL())
	s.shown.Note("goes on until Ctrl-C; the address is for you alone")
	return l.Serve(ctx)
}
