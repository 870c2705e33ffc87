package wordcount

import (
	"log/slog"
	"os"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// beginJournal opens the file of the job's events. A job that was sealed and is counted anew begins a
// new one. A job that goes on goes on in its file.
func (j *Job) beginJournal() error {
	_, sealed, err := j.folder.Sealed(j.plan.Job.ID)
	if err != nil {
		return err
	}
	if sealed {
		if err := j.folder.BeginEvents(j.plan.Job.ID); err != nil {
			return err
		}
	}
	j.journal.Close()
	j.journal = event.Open(j.folder.Events(j.plan.Job.ID), event.SupervisorMost)
	return nil
}

// beginning says what this process is about to do.
func (j *Job) beginning() []slog.Attr {
	host, _ := os.Hostname()
	m := j.plan.Manifest
	return []slog.Attr{
		slog.String("job", j.plan.Job.ID), slog.String("host", host), slog.Int("pid", os.Getpid()),
		slog.Int("maps", j.sup.Maps()), slog.Int("reducers", j.plan.Job.Reducers),
		slog.Int("files", len(m.Files)), slog.Int64("bytes", m.Bytes), slog.Int("workers", j.config.Workers),
	}
}
