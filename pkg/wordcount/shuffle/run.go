package shuffle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"

	"github.com/magereduce/magereduce/pkg/syserr"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// A Run is the part of a store that belongs to one run of a job.
type Run struct {
	store    *Store
	job, run string
}

// Run returns the part of the store that belongs to a run of a job. The error is ErrName.
func (s *Store) Run(job, run string) (Run, error) {
	if err := checkName("job", job, jobName); err != nil {
		return Run{}, err
	}
	if err := checkName("run", run, nonce); err != nil {
		return Run{}, err
	}
	return Run{s, job, run}, nil
}

func (r Run) dir() string  { return path.Join(r.job, r.run) }
func (r Run) maps() string { return path.Join(r.dir(), "map") }
func (r Run) mark() string { return path.Join(r.dir(), "mark") }

// output returns the identity and the path of a map output. The error is ErrName.
func (r Run) output(name string, partitions int) (identity, string, error) {
	if err := checkName("map output", name, nonce); err != nil {
		return identity{}, "", err
	}
	if partitions < 1 || partitions > MaxPartitions {
		return identity{}, "", fmt.Errorf("shuffle: %w: %d partitions", ErrName, partitions)
	}
	return identity{r.job, r.run, name, partitions}, path.Join(r.maps(), name), nil
}

// Partitioner says to which partition of this run a word belongs.
func (r Run) Partitioner(partitions int) count.Partitioner {
	return count.NewPartitioner(r.run, partitions)
}

// prepareTries is how often Prepare begins. Another supervisor that has sealed the job removes one
// folder after the other, and each may be one that was just found or made.
const prepareTries = 10

// Usable says why nothing can be kept in the store. The error is the host's, and wraps backend.ErrUnusable if
// people must mend the options or the rights. It is for a supervisor, before a run begins, and for a host
// that joins.
func (r Run) Usable() error {
	if err := r.store.backend.Usable(); err != nil {
		return fmt.Errorf("shuffle: %w %s: %w", ErrHost, strconv.Quote(r.store.where), err)
	}
	return nil
}

// Prepare makes the folder of the run and the mark in it, if they aren't there. Only a supervisor
// does that. A worker never does, because it can't know whether the place where it finds nothing is
// the one that the others use. A run that is prepared needs no room on the disk to be prepared again.
func (r Run) Prepare() (err error) {
	for range prepareTries {
		err = r.store.backend.MakeRoom(r.maps())
		if err == nil && r.readMark() != nil {
			err = r.store.backend.Mark(r.maps(), r.mark(), r.run)
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return hostError(r.store.where, r.dir(), err)
	}
	return nil
}

// CheckMark returns ErrNoMark if the mark is not there, or another error of the host.
func (r Run) CheckMark() error {
	err := r.readMark()
	if err == nil {
		return nil
	}
	if _, gone := errors.AsType[lost](err); gone || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrNoMark, syserr.WithoutPath(err))
	}
	return hostError(r.store.where, r.mark(), err)
}

func (r Run) readMark() error {
	file, err := r.store.backend.Open(r.mark())
	if err != nil {
		return err
	}
	defer file.Close()
	content := make([]byte, nonceLen+1)
	n, err := file.ReadAt(content, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case string(content[:n]) != r.run:
		return lost("it is the mark of another run")
	}
	return nil
}

// Remove deletes a map output, or a file of CreateSorted. Only its writer does that. It deletes a map
// output only if no task in it was committed.
func (r Run) Remove(name string) error {
	_, path, err := r.output(name, 1)
	if err != nil {
		return err
	}
	return r.removed(path, r.store.backend.Remove(path))
}

// DiscardMaps deletes the mark, then all map outputs, and then the folder of the run if nothing else
// is in it. The mark goes first, so that a worker that is late takes no deleted file for a lost one.
func (r Run) DiscardMaps() error { return r.discard(r.maps()) }

// Delete is DiscardMaps, and deletes whatever else is in the folder of the run.
func (r Run) Delete() error { return r.discard(r.dir()) }

func (r Run) discard(dir string) error {
	if err := r.store.backend.Remove(r.mark()); err != nil {
		return r.removed(r.mark(), err)
	}
	return r.removed(dir, r.store.backend.RemoveAll(dir))
}

func (r Run) removed(path string, err error) error {
	if err != nil {
		return hostError(r.store.where, path, err)
	}
	return nil
}

// failed gives an error of a map output its class. The mark is looked at first, because without it
// nothing that was met says anything about the map output.
func (r Run) failed(path string, err error) error {
	if noMark := r.CheckMark(); noMark != nil {
		return noMark
	}
	if what, ok := errors.AsType[lost](err); ok {
		return lostError(path, what)
	}
	return hostError(r.store.where, path, err)
}
