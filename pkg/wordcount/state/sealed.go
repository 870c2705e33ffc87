package state

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Sealed is the publication of a result. It exists if and only if the job's counts are exact, and as
// durable as Durable says.
type Sealed struct {
	Run      string    `json:"run"`
	Fence    string    `json:"fence"` // under which the result can be read
	Tokens   uint64    `json:"tokens"`
	Distinct int       `json:"distinct"`
	Bytes    int64     `json:"bytes"`
	Files    int       `json:"files"`
	Splits   int       `json:"splits"`
	Redone   int       `json:"redone"` // tasks taken from a worker, or taken back by a rollback
	At       time.Time `json:"at"`
	Durable  string    `json:"durable"` // bgsave, waitaof or none

	Skipped []plan.SkippedFor `json:"skipped,omitempty"` // of the input: what isn't counted
	Tally   protocol.Tally    `json:"tally,omitzero"`    // what became of the records
}

// Publish records a sealed result.
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

// Sealed returns the published result of a job. If there is none, ok is false.
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
