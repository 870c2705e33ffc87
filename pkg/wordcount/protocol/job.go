package protocol

import (
	"fmt"
	"regexp"
)

// MaxReducers is the largest number of partitions. Each is a key that every commit names.
const MaxReducers = 4096

// Job is what names the keys of a job.
type Job struct {
	ID       string // hash of the plan
	Reducers int    // partitions; 0: map only
}

// jobID is the form of a job's ID.
var jobID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// CheckID refuses what is no job's ID, because IDs become parts of paths and of keys. The error
// wraps ErrInput.
func CheckID(id string) error {
	if !jobID.MatchString(id) {
		return fmt.Errorf("%w: %q is no job: its name is 16 digits, from 0 to f", ErrInput, id)
	}
	return nil
}

// Key is one of the job's keys. All share one hash tag, so that a cluster keeps them together.
func (j Job) Key(name string) string { return "wordcount:{" + j.ID + "}:" + name }

// StreamKey is the key of a stream.
func (j Job) StreamKey(s Stream) string { return j.Key(string(s)) }

// PartitionKey is the key of a partition's partial counts. Partitions are numbered from 0.
func (j Job) PartitionKey(partition int) string { return j.Key(fmt.Sprintf("part:%d", partition)) }

// FixedKeys are the keys that every function takes, in the order of lua/wordcount.lua.
func (j Job) FixedKeys() []string {
	names := []string{"meta", "map", "reduce", "counts", "attempts", "dead", "workers", "commits"}
	for i, name := range names {
		names[i] = j.Key(name)
	}
	return names
}

// Keys are all keys that the job may have.
func (j Job) Keys() []string {
	keys := j.FixedKeys()
	for p := range j.Reducers {
		keys = append(keys, j.PartitionKey(p))
	}
	return keys
}
