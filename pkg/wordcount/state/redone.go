package state

import (
	"encoding/json"
	"os"
)

// Redone is what the supervisors of this folder have seen of work that was done again. It is for
// people, so it may lack what none of them saw.
type Redone struct {
	Run   string `json:"run"`
	Tasks int    `json:"tasks"` // that were taken from a worker, or undone by a rollback
	Taken int    `json:"taken"` // tasks that were taken from a worker, as the job in Redis counts them
}

// Redone returns what was seen of a run. It is zero if nothing is known.
func (f Folder) Redone(job, run string) (r Redone) {
	text, err := os.ReadFile(f.path(job, "redone"))
	if err != nil || json.Unmarshal(text, &r) != nil || r.Run != run || r.Tasks < 0 || r.Taken < 0 {
		return Redone{}
	}
	return r
}

// SetRedone records what was seen of a run.
func (f Folder) SetRedone(job string, r Redone) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return write(f.path(job, "redone"), append(text, '\n'))
}
