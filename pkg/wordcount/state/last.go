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

// setLast records a plan as the last one, in three lines: the job, the inputs, and the options.
func (f Folder) setLast(p plan.Plan) error {
	// A relative path finds the input again if it was moved together with the folder.
	home, err := filepath.Abs(filepath.Dir(f.Dir))
	if err != nil {
		return fmt.Errorf("record job: %w", err)
	}
	var inputs []byte
	for _, name := range p.Manifest.Inputs {
		if below, ok := strings.CutPrefix(name, strings.TrimSuffix(home, "/")+"/"); ok {
			name = below
		} else if name == home {
			name = "."
		}
		inputs = append(strconv.AppendQuote(inputs, name), ' ')
	}
	options, err := json.Marshal(p.Options)
	if err != nil {
		return fmt.Errorf("record job: %w", err)
	}
	return write(filepath.Join(f.Dir, "last"), fmt.Appendf(nil, "%s\n%s\n%s\n", p.Job.ID, inputs, options))
}

// Asked returns what the last run in this folder was asked to count, and how. Forget keeps that.
// There are no inputs if there was no run.
func (f Folder) Asked() (inputs []string, o plan.Options, err error) {
	_, inputs, o, err = f.last()
	return inputs, o, err
}

func (f Folder) last() (job string, inputs []string, o plan.Options, err error) {
	path := filepath.Join(f.Dir, "last")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, o, nil
	}
	if err != nil {
		return "", nil, o, err
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) < 3 {
		return lines[0], nil, o, nil
	}
	if inputs, err = f.inputs(lines[1]); err == nil {
		err = json.Unmarshal([]byte(lines[2]), &o)
	}
	if o.Reducers < 0 { // older builds wrote -1
		o.Reducers, o.Direct = 0, true
	}
	if o.Split < 0 {
		o.Split, o.WholeFiles = 0, true
	}
	if err != nil {
		return "", nil, o, fmt.Errorf("%w: %s is damaged (%w): remove it", protocol.ErrState, strconv.Quote(path), err)
	}
	return lines[0], inputs, o, nil
}

// inputs reads what setLast has written of the inputs.
func (f Folder) inputs(line string) (all []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		switch home := filepath.Dir(f.Dir); {
		case name == ".":
			name = home
		case home != "." && !plan.IsAbs(name): // to join them would change a pattern
			name = strings.TrimSuffix(home, "/") + "/" + name
		}
		all, line = append(all, name), line[len(quoted):]
	}
	return all, nil
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
