package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// ErrNoLast reports that no job was run in this folder yet.
var ErrNoLast = fmt.Errorf("%w: no job was run in this folder yet", protocol.ErrInput)

// setLast records a plan as the last one, in three lines: the job, the input, and the options.
func (f Folder) setLast(p plan.Plan) error {
	input := p.Manifest.Root
	// A relative path finds the input again if it was moved together with the folder.
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

// Asked returns what the last run in this folder was asked to count, and how. Forget keeps that.
// The input is "" if there was no run.
func (f Folder) Asked() (input string, o plan.Options, err error) {
	_, input, o, err = f.last()
	return input, o, err
}

func (f Folder) last() (job, input string, o plan.Options, err error) {
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
	if o.Reducers < 0 { // older builds wrote -1
		o.Reducers, o.Direct = 0, true
	}
	if o.Split < 0 {
		o.Split, o.WholeFiles = 0, true
	}
	if err != nil {
		return "", "", o, fmt.Errorf("%w: %s is damaged (%w): remove it", protocol.ErrState, strconv.Quote(path), err)
	}
	if !filepath.IsAbs(input) {
		input = filepath.Join(filepath.Dir(f.Dir), input)
	}
	return lines[0], input, o, nil
}

// Last returns the job that was run last in this folder, with the options that it was asked for.
func (f Folder) Last() (plan.Plan, error) {
	job, _, o, err := f.last()
	if err != nil {
		return plan.Plan{}, err
	}
	if job == "" {
		return plan.Plan{}, ErrNoLast
	}
	p, err := f.Load(job)
	if errors.Is(err, fs.ErrNotExist) { // it was forgotten
		return plan.Plan{}, ErrNoLast
	}
	p.Options = o
	return p, err
}
