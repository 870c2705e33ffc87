package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"

	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Folder is the state that a working folder keeps of its jobs. Its files are readable by their
// owner only. All but the locks, the log and the events are written to a temporary file and renamed.
//
//	last                  the job that was run last, and what was asked for: see Asked
//	shuffle               map outputs and result files: see Shuffle
//	jobs/ID/plan          how it is split
//	jobs/ID/manifest      its files
//	jobs/ID/skipped       what else is in its input: a line with path and reason each; may be missing
//	jobs/ID/tasks         a digest of each of its tasks, by which workers know them: see Trust
//	jobs/ID/servers       which servers may have keys of it, a line each: see Servers
//	jobs/ID/run           the nonce of the run that this folder works on
//	jobs/ID/stores        where the files of its runs are: see Stores
//	jobs/ID/redone        how many of its tasks were done again; may be missing
//	jobs/ID/sealed        the published result; only there if the job is sealed
//	jobs/ID/lock          held by the supervisor, with its process ID
//	jobs/ID/used          held by each process that works on the job: see Use
//	jobs/ID/workers.log   what workers wrote to standard error
//	jobs/ID/events        what happened, a line each: see package event
//	jobs/ID/report.html   the picture of that, if somebody asked for it
type Folder struct{ Dir string }

func (f Folder) path(job, name string) string { return filepath.Join(f.Dir, "jobs", job, name) }

func write(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		// Without a folder, renameio tries first whether it can rename two more files.
		err = renameio.WriteFile(path, data, 0o600, renameio.WithTempDir(filepath.Dir(path)))
	}
	if err != nil {
		return unwritten(path, err)
	}
	return nil
}

// unwritten is the error of a folder that can't be written to. Nothing is lost: the job in Redis
// stays as it is.
func unwritten(path string, err error) error {
	return fmt.Errorf("%w: can't write %s: %w: mend that, then try again", protocol.ErrIncomplete, strconv.Quote(path), syserr.WithoutPath(err))
}

// Jobs lists the IDs of all jobs that this folder knows.
func (f Folder) Jobs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, "jobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if protocol.CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// Forget drops a job's state, but records a fresh run, so that an old run that is restored from a
// dump is recognised as foreign. What was asked for last stays too.
func (f Folder) Forget(job string) error {
	for _, name := range []string{"sealed", "plan", "manifest", "skipped", "tasks", "servers", "redone", "workers.log", "events", "report.html"} {
		if err := os.Remove(f.path(job, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return write(f.path(job, "run"), []byte(protocol.NewNonce()))
}

// WorkersLog opens the file that gets what workers write to standard error.
func (f Folder) WorkersLog(job string) (io.WriteCloser, error) {
	path := f.path(job, "workers.log")
	// A folder that joins another one's job has no folder for it.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// Events is the path of the file with what happened to a job.
func (f Folder) Events(job string) string { return f.path(job, "events") }

// BeginEvents drops what happened to a job, before it is counted anew. Processes that have the old file
// open go on, but what they write into it is lost.
func (f Folder) BeginEvents(job string) error {
	err := os.Remove(f.Events(job))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// SaveReport keeps the picture of what happened to a job, and returns its path.
func (f Folder) SaveReport(job string, page []byte) (path string, err error) {
	path = f.path(job, "report.html")
	return path, write(path, page)
}
