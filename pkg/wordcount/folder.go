package wordcount

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Folder is the state that a working folder keeps of its jobs, in .wordcount:
//
//	last                  the job that was run last, and what was asked for: see Asked
//	jobs/ID/plan          how it is split
//	jobs/ID/manifest      its files
//	jobs/ID/skipped       what else is in its input, and why that isn't counted: a line "path" reason each; there if any is
//	jobs/ID/tasks         a digest of each of its tasks, by which workers know them (see Trust)
//	jobs/ID/run           the nonce of the run that this folder works on
//	jobs/ID/sealed        there if the job is sealed: the published result
//	jobs/ID/lock          held by the supervisor, with its process ID
//	jobs/ID/workers.log   what workers said before they died
//
// All is readable by its owner only, and all but the lock and the log is written to a temporary file and renamed.
type Folder struct{ Dir string }

// Sealed is the publication of a result: it exists if and only if the job's counts are exact and durable.
type Sealed struct {
	Run      string    `json:"run"`
	Fence    string    `json:"fence"` // under which the result can be read
	Tokens   uint64    `json:"tokens"`
	Distinct int       `json:"distinct"`
	Bytes    int64     `json:"bytes"`
	Files    int       `json:"files"`
	Splits   int       `json:"splits"`
	Redone   int       `json:"redone"` // tasks taken from a worker, each once, and tasks that a rollback took back
	At       time.Time `json:"at"`
	Durable  string    `json:"durable"` // bgsave, waitaof or none

	Skipped []SkippedFor `json:"skipped,omitempty"` // of the input: what isn't counted
}

// ErrNoLast: no job was run in this folder yet.
var ErrNoLast = fmt.Errorf("%w: no job was run in this folder yet: mage run", ErrInput)

func (f Folder) path(job, name string) string { return filepath.Join(f.Dir, "jobs", job, name) }

func write(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return unwritten(path, err)
	}
	return nil
}

// unwritten is the error of a folder that can't be written to. Nothing is lost: the job in Redis stays as it is.
func unwritten(path string, err error) error {
	return fmt.Errorf("%w: can't write %s: %w: mend that, then try again", ErrIncomplete, strconv.Quote(path), cause(err))
}

// cause is what the system said, without the name of a temporary file.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// Save records a plan and makes it the last job.
func (f Folder) Save(p Plan) error {
	known, err := f.Load(p.Job.ID)
	if err != nil { // else it is the same: its name is its hash
		var manifest strings.Builder
		p.Manifest.WriteTo(&manifest)
		if err := write(f.path(p.Job.ID, "manifest"), []byte(manifest.String())); err != nil {
			return fmt.Errorf("record job: %w", err)
		}
		plan, err := json.Marshal(p)
		if err == nil {
			err = write(f.path(p.Job.ID, "plan"), plan)
		}
		if err != nil {
			return fmt.Errorf("record job: %w", err)
		}
	}
	if !slices.Equal(known.Manifest.Skipped, p.Manifest.Skipped) {
		if err := write(f.Skipped(p.Job.ID), appendSkipped(nil, p.Manifest.Skipped)); err != nil {
			return fmt.Errorf("record job: %w", err)
		}
	}
	return f.setLast(p)
}

// setLast records a plan as the last one: a line each with the job, the input, and the options.
func (f Folder) setLast(p Plan) error {
	input := p.Manifest.Root
	// What lies beside the state folder is found again when both were moved.
	if home, err := filepath.Abs(filepath.Dir(f.Dir)); err == nil {
		if below, err := filepath.Rel(home, input); err == nil && filepath.IsLocal(below) {
			input = below
		}
	}
	options, err := json.Marshal(p.Options)
	if err != nil {
		return fmt.Errorf("record job: %w", err)
	}
	return write(filepath.Join(f.Dir, "last"), fmt.Appendf(nil, "%s\n%q\n%s\n", p.Job.ID, input, options))
}

// Asked returns what the last run in this folder was asked to count, and how. It outlives Forget. The input is "" if
// there was no run.
func (f Folder) Asked() (input string, o Options, err error) {
	_, input, o, err = f.last()
	return input, o, err
}

func (f Folder) last() (job, input string, o Options, err error) {
	path := filepath.Join(f.Dir, "last")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", o, nil
	}
	if err != nil {
		return "", "", o, err
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) < 3 {
		return lines[0], "", o, nil
	}
	input, err = strconv.Unquote(lines[1])
	if err == nil {
		err = json.Unmarshal([]byte(lines[2]), &o)
	}
	if err != nil {
		return "", "", o, fmt.Errorf("%w: %s is damaged (%w): remove it", ErrState, strconv.Quote(path), err)
	}
	if !filepath.IsAbs(input) {
		input = filepath.Join(filepath.Dir(f.Dir), input)
	}
	return lines[0], input, o, nil
}

// Skipped is the file that lists what is not counted of a job's input.
func (f Folder) Skipped(job string) string { return f.path(job, "skipped") }

// Trust records what the tasks of a job are, and returns it for the workers of this folder.
func (f Folder) Trust(job string, splits []Split) (Trust, error) {
	path, now := f.path(job, "tasks"), digests(splits)
	if before, err := os.ReadFile(path); err != nil || !bytes.Equal(before, now) {
		if err := write(path, now); err != nil {
			return Trust{}, fmt.Errorf("record tasks: %w", err)
		}
	}
	return Trust{Tasks: []byte(path)}, nil
}

// Load returns the plan of a job that this folder knows.
func (f Folder) Load(job string) (p Plan, err error) {
	if err := CheckID(job); err != nil {
		return p, err
	}
	plan, err := os.ReadFile(f.path(job, "plan"))
	if err == nil {
		err = json.Unmarshal(plan, &p)
	}
	if err == nil && p.Job.ID != job {
		err = fmt.Errorf("%w: its plan is of job %q", ErrState, p.Job.ID)
	}
	if err != nil {
		return p, fmt.Errorf("job %s: %w", job, err)
	}
	file, err := os.Open(f.path(job, "manifest"))
	if err != nil {
		return p, err
	}
	defer file.Close()
	if p.Manifest, err = ReadManifest(file); err != nil {
		return p, err
	}
	skipped, err := os.ReadFile(f.Skipped(job))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		p.Manifest.Skipped, err = parseSkipped(string(skipped))
	}
	if err != nil {
		return p, fmt.Errorf("job %s: what was skipped: %w", job, err)
	}
	return p, nil
}

// Last returns the job that was run last in this folder, with the options that it was asked for.
func (f Folder) Last() (Plan, error) {
	job, _, o, err := f.last()
	if err != nil {
		return Plan{}, err
	}
	if job == "" {
		return Plan{}, ErrNoLast
	}
	p, err := f.Load(job)
	if errors.Is(err, fs.ErrNotExist) { // forgotten
		return Plan{}, ErrNoLast
	}
	p.Options = o
	return p, err
}

// Jobs lists the IDs of all jobs that this folder knows.
func (f Folder) Jobs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.Dir, "jobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// Forget drops a job's state. What stays is what was asked for last, and that any run of the job that turns up again is
// not ours.
func (f Folder) Forget(job string) error {
	for _, name := range []string{"sealed", "plan", "manifest", "skipped", "tasks", "workers.log"} {
		if err := os.Remove(f.path(job, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return write(f.path(job, "run"), []byte(newNonce()))
}

// Run returns the nonce of the run that this folder works on; known is false the first time.
func (f Folder) Run(job string) (run string, known bool, err error) {
	data, err := os.ReadFile(f.path(job, "run"))
	if errors.Is(err, fs.ErrNotExist) {
		return newNonce(), false, nil
	}
	return string(data), true, err
}

// SetRun records the run.
func (f Folder) SetRun(job, run string) error { return write(f.path(job, "run"), []byte(run)) }

// Publish records a sealed result; Unpublish takes it back.
func (f Folder) Publish(job string, s Sealed) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = write(f.path(job, "sealed"), append(data, '\n'))
	}
	return err
}

// Unpublish takes a publication back, if there is one.
func (f Folder) Unpublish(job string) error {
	err := os.Remove(f.path(job, "sealed"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritten(f.path(job, "sealed"), err)
	}
	return nil
}

// Sealed returns the published result of a job; ok is false if there is none.
func (f Folder) Sealed(job string) (s Sealed, ok bool, err error) {
	data, err := os.ReadFile(f.path(job, "sealed"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err == nil, err
}

// lock makes the caller the job's supervisor, if there is none in this folder. The lock goes with the process, however
// that ends.
func (f Folder) lock(job string) (unlock func(), ok bool, err error) {
	file, ok, err := f.tryLock(job, unix.LOCK_EX)
	if !ok || err != nil {
		return nil, false, err
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil {
		file.Close()
		return nil, false, unwritten(f.path(job, "lock"), err)
	}
	return func() { file.Close() }, true, nil
}

// tryLock opens the lock file, and locks it, exclusively or shared, until it is closed.
func (f Folder) tryLock(job string, how int) (file *os.File, ok bool, err error) {
	path := f.path(job, "lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, false, unwritten(path, err)
	}
	if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, false, unwritten(path, err)
	}
	switch err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		file.Close()
		return nil, false, nil
	case err != nil:
		file.Close()
		return nil, false, fmt.Errorf("lock job: %w", err)
	}
	return file, true, nil
}

// Supervised tells whether some supervisor works on the job in this folder.
func (f Folder) Supervised(job string) bool {
	file, free, err := f.tryLock(job, unix.LOCK_SH)
	if free {
		file.Close()
	}
	return err == nil && !free
}
