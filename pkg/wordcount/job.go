package wordcount

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// DefaultSplit is the size of a split in bytes: large enough that a task's round trips don't show, small enough that
// little is redone when a worker dies.
const DefaultSplit = 64 << 20

// MaxReducers is the largest number of partitions: each is a key of every commit.
const MaxReducers = 4096

// Choices beside a number. Zero leaves the choice to us.
const (
	WholeFiles = -1 // Options.Split: a file is never split
	MapOnly    = -1 // Options.Reducers: no reduce phase, each task's words go straight into the sorted set
)

// Partitions grow with the input so that what one holds can be read in one short call, and merged within a worker's
// memory. If every word were new, their partial counts would be a third larger than the input; source code, which is rich
// in words, has about 12,000 of its own in a mebibyte. A partition costs each commit and the reduce phase some 50 µs.
const (
	partitionBytes = 8 << 20 // of input, a partition
	maxPartitions  = 256
)

// Options are the choices that change what a task means, and so which job it is.
type Options struct {
	Split    int64 // bytes of a split; 0: DefaultSplit, or whole files if map only
	Reducers int   // partitions; 0: by the input's size

	Selection // of the files, which the manifest was scanned with; it names the job by what came of it
}

// Job is one job as its workers know it: enough to name its keys.
type Job struct {
	ID       string // hash of the plan
	Reducers int    // partitions; 0: map only
}

// Plan is a job with all that is needed to run it.
type Plan struct {
	Job      Job
	Split    int64    // bytes; 0: a file is never split
	Options  Options  // as they were asked for, with the choices left open
	Manifest Manifest `json:"-"`
}

// NewPlan makes the choices that the options leave open, and names the job. Whatever gives a task number its meaning
// is in that name: if task 3 meant other bytes to a supervisor that resumes, or to a zombie, the counts would be wrong
// and nothing would tell.
func NewPlan(m Manifest, o Options) Plan {
	p := Plan{Split: o.Split, Options: o, Manifest: m}
	switch {
	case o.Reducers == 0:
		p.Job.Reducers = int(min(max(1, (m.Bytes+partitionBytes-1)/partitionBytes), maxPartitions))
	case o.Reducers > 0:
		p.Job.Reducers = o.Reducers
	}
	switch {
	case o.Split == WholeFiles, o.Split == 0 && p.Job.Reducers == 0:
		p.Split = 0
	case o.Split == 0:
		p.Split = DefaultSplit
	}
	h := sha256.New()
	fmt.Fprintf(h, "schema %s words fields entry %d frame %d blob %d partition %d split %d reducers %d\n",
		schema, entryVersion, frameVersion, count.BlobVersion, count.PartitionVersion, p.Split, p.Job.Reducers)
	m.WriteTo(h) // a hash never fails to write
	p.Job.ID = hex.EncodeToString(h.Sum(nil)[:8])
	return p
}

// jobID is the form of a job's ID.
var jobID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// CheckID refuses what is no job's ID, for IDs become parts of paths and of keys. The error wraps ErrInput.
func CheckID(id string) error {
	if !jobID.MatchString(id) {
		return fmt.Errorf("%w: %q is no job: its name is 16 digits, from 0 to f", ErrInput, id)
	}
	return nil
}

// Key is the name of one of the job's keys. All share one hash tag, so that a cluster keeps them together.
func (j Job) Key(name string) string { return "wordcount:{" + j.ID + "}:" + name }

// fixed are the keys that every function takes, in the order that lua/wordcount.lua gives them.
func (j Job) fixed() []string {
	names := []string{"meta", "map", "reduce", "counts", "attempts", "dead", "workers", "commits"}
	for i, name := range names {
		names[i] = j.Key(name)
	}
	return names
}

func (j Job) part(p int) string { return j.Key(fmt.Sprintf("part:%d", p)) }

// Keys are all the keys that the job may have.
func (j Job) Keys() []string {
	keys := j.fixed()
	for p := range j.Reducers {
		keys = append(keys, j.part(p))
	}
	return keys
}

// Resumes tells whether a plan that was made for the same input earlier is still good, because nothing has happened to its
// files but that they have grown, as they may. Then its job can go on, where this plan would be a new one.
func (p Plan) Resumes(earlier Plan) bool {
	was, is := earlier.Manifest, p.Manifest
	return was.Root == is.Root && NewPlan(was, p.Options).Job == earlier.Job &&
		slices.EqualFunc(was.Files, is.Files, func(was, is File) bool {
			return was.Path == is.Path && was.compare(found{regular: true, size: is.Size, mtime: is.MTime, inode: is.Inode}) == ""
		})
}
