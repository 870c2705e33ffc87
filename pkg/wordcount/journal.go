package wordcount

import (
	"log/slog"
	"os"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// beginJournal opens the file of a job's events. A job that was sealed and is counted anew begins a new
// one. A job that goes on goes on in its file.
func beginJournal(folder state.Folder, job string) (*event.Journal, error) {
	_, sealed, err := folder.Sealed(job)
	if err == nil && sealed {
		err = folder.BeginEvents(job)
	}
	if err != nil {
		return nil, err
	}
	return event.Open(folder.Events(job), event.SupervisorMost), nil
}

// beginning says what this process is about to do.
func beginning(p plan.Plan, maps, workers int) []slog.Attr {
	host, _ := os.Hostname()
	return []slog.Attr{
		slog.String("job", p.Job.ID), slog.String("host", host), slog.Int("pid", os.Getpid()),
		slog.Int("maps", maps), slog.Int("reducers", p.Job.Reducers),
		slog.Int("files", len(p.Manifest.Files)), slog.Int64("bytes", p.Manifest.Bytes), slog.Int("workers", workers),
	}
}
