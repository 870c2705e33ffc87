package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// contender is a way to count a corpus.
type contender interface {
	// open makes ready what is up before the clock starts.
	open(ctx context.Context) error
	// once counts, and says what it cost and what came out. The first time is not counted, and may take longer in order
	// to see more.
	once(ctx context.Context, c Corpus, first bool) (Run, error)
	close(ctx context.Context) error
}

// Run is one round of a contender.
type Run struct {
	Seconds float64   `json:"seconds"`
	CPU     float64   `json:"cpu_seconds"` // of all its processes; Redis is apart
	Redis   *RedisUse `json:"redis,omitempty"`
	Kills   int       `json:"kills,omitempty"` // of workers

	memory Memory
	tally  Tally
}

func (r *Run) spent(c cost) {
	r.Seconds, r.CPU, r.memory.Largest = c.wall.Seconds(), c.cpu.Seconds(), c.peak
}

// program is a contender that counts a folder into a file and ends.
type program struct {
	out     string
	command func(ctx context.Context, dir, out string) (*exec.Cmd, error)
}

func (p program) open(context.Context) error  { return nil }
func (p program) close(context.Context) error { return os.RemoveAll(p.out) }

func (p program) once(ctx context.Context, c Corpus, _ bool) (r Run, err error) {
	if err := os.RemoveAll(p.out); err != nil { // of the round before
		return r, err
	}
	cmd, err := p.command(ctx, c.dir, p.out)
	if err != nil {
		return r, err
	}
	took, err := spend(ctx, cmd, nil)
	if err != nil {
		return r, err
	}
	r.spent(took)
	r.tally, err = readTally(p.out)
	return r, err
}

// inRole is a contender in another role of this program.
func (b Bench) inRole(role string, env ...string) contender {
	return program{filepath.Join(b.Dir, "out"), func(ctx context.Context, dir, out string) (*exec.Cmd, error) {
		cmd, err := as(ctx, role, dir, out)
		if err == nil {
			cmd.Env = append(cmd.Env, env...)
		}
		return cmd, err
	}}
}

// shell is a command for sh, in which {dir} is the corpus and {out} the file for the result.
func (b Bench) shell(line string) contender {
	return program{filepath.Join(b.Dir, "out"), func(ctx context.Context, dir, out string) (*exec.Cmd, error) {
		line := strings.NewReplacer("{dir}", quote(dir), "{out}", quote(out)).Replace(line)
		return exec.CommandContext(ctx, "sh", "-c", line), nil
	}}
}

// quote makes one word of sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Outsider is a program that isn't ours: it writes a line for each word of the files in a folder, its count first.
type Outsider struct {
	Name string
	Line string // for sh, with {dir} and {out}
}

// ParseOutsiders reads "NAME: COMMAND {dir} {out} ;; NAME: COMMAND {dir} {out}". Without a name it is the command's.
func ParseOutsiders(s string) (list []Outsider, err error) {
	for line := range strings.SplitSeq(s, ";;") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var o Outsider
		if name, rest, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(name, "{}'\"/") {
			o.Name, o.Line = name, strings.TrimSpace(rest)
		} else {
			o.Name, o.Line = filepath.Base(strings.Fields(line)[0]), line
		}
		for _, place := range []string{"{dir}", "{out}"} {
			if !strings.Contains(o.Line, place) {
				return nil, fmt.Errorf("bench: %q has no %s: write NAME: COMMAND {dir} {out}", line, place)
			}
		}
		list = append(list, o)
	}
	return list, nil
}
