package protocol

import (
	"fmt"
	"regexp"
)

// MaxReducers is the largest number of partitions. Each has a segment in every spill.
const MaxReducers = 4096

// Job names a job, and has what all its processes must agree on.
type Job struct {
	ID       string // hash of the plan
	Reducers int    // partitions; 0: map only
	Counting string // what is counted, as package plan writes it; "": the words of plain text
	Keep     int    // how many words the sorted set may have, while files have all of them; 0: all, and no files
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

// EventsKey is the key of a stream with events of hosts that join, for people: see package relay. No
// function knows it, and no step of the protocol depends on it.
func (j Job) EventsKey() string { return j.Key("events") }

// AllKeys are all keys that the job may have.
func (j Job) AllKeys() []string { return append(j.Keys(), j.EventsKey()) }

// Keys are the keys of the job, which every function takes, in the order of lua/wordcount.lua.
func (j Job) Keys() []string {
	names := []string{"meta", "map", "reduce", "counts", "attempts", "dead", "workers", "outputs", "results"}
	for i, name := range names {
		names[i] = j.Key(name)
	}
	return names
}
