package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Save records a plan and makes its job the last one.
func (f Folder) Save(p plan.Plan) error {
	known, err := f.Load(p.Job.ID)
	if err != nil { // else it is the same, because its name is its hash
		if err := write(f.path(p.Job.ID, "manifest"), p.Manifest.Text()); err != nil {
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
		if err := write(f.Skipped(p.Job.ID), plan.AppendSkipped(nil, p.Manifest.Skipped)); err != nil {
			return fmt.Errorf("record job: %w", err)
		}
	}
	return f.setLast(p)
}

// Skipped is the path of the file that lists what is not counted of a job's input.
func (f Folder) Skipped(job string) string { return f.path(job, "skipped") }

// Trust records what the tasks of a job are, and returns it for the workers of this folder.
func (f Folder) Trust(job string, splits []plan.Split) (plan.Trust, error) {
	path, now := f.path(job, "tasks"), plan.Digests(splits)
	if before, err := os.ReadFile(path); err != nil || !bytes.Equal(before, now) {
		if err := write(path, now); err != nil {
			return plan.Trust{}, fmt.Errorf("record tasks: %w", err)
		}
	}
	return plan.Trust{Tasks: []byte(path)}, nil
}

// Load returns the plan of a job that this folder knows.
func (f Folder) Load(job string) (p plan.Plan, err error) {
	if err := protocol.CheckID(job); err != nil {
		return p, err
	}
	text, err := os.ReadFile(f.path(job, "plan"))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && p.Job.ID != job {
		err = fmt.Errorf("%w: its plan is of job %q", protocol.ErrState, p.Job.ID)
	}
	if err != nil {
		return p, fmt.Errorf("job %s: %w", job, err)
	}
	file, err := os.Open(f.path(job, "manifest"))
	if err != nil {
		return p, err
	}
	defer file.Close()
	if p.Manifest, err = plan.ReadManifest(file); err != nil {
		return p, err
	}
	skipped, err := os.ReadFile(f.Skipped(job))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		p.Manifest.Skipped, err = plan.ParseSkipped(string(skipped))
	}
	if err != nil {
		return p, fmt.Errorf("job %s: what was skipped: %w", job, err)
	}
	return p, nil
}
