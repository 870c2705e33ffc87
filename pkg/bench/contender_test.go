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
	// open starts what is up before the clock starts.
	open(ctx context.Context) error
	// count counts the corpus and says what that cost. The first round isn't counted, and may take
	// longer to see more.
	count(ctx context.Context, c corpusDir, first bool) (sample, error)
	close(ctx context.Context) error
}

// entry is a contender with its name, and what it counts.
type entry struct {
	name string
	contender
	corpus corpusDir
}

// sample is one round of a contender.
type sample struct {
	seconds float64
	memory  float64            // in bytes, as doc.go says
	spent   map[string]float64 // the rest, by unit
	tally   tally
}

// Units of what is spent.
const (
	cpu         = "cpu-s"       // of all processes, Redis included
	redisCPU    = "redis-cpu-s" // with the children that write checkpoints
	redisMemory = "redis-B"     // allocated
	received    = "redis-received-B"
	sent        = "redis-sent-B"
	checkpoints = "checkpoints"
	kills       = "kills" // of workers
)

// program is a contender that counts a folder into a file and ends.
type program struct {
	out     string
	command func(ctx context.Context, dir, out string) *exec.Cmd
}

func (p program) open(context.Context) error  { return nil }
func (p program) close(context.Context) error { return os.RemoveAll(p.out) }

func (p program) count(ctx context.Context, c corpusDir, _ bool) (s sample, err error) {
	if err := os.RemoveAll(p.out); err != nil { // of the round before
		return s, err
	}
	took, err := spend(ctx, p.command(ctx, c.dir, p.out), nil)
	if err != nil {
		return s, err
	}
	s = took.sample()
	s.tally, err = readTally(p.out)
	return s, err
}

// partOf is a contender that does a part of the work: this program in a role in which it counts
// nothing.
type partOf struct {
	role string
	env  []string
}

func (p partOf) open(context.Context) error  { return nil }
func (p partOf) close(context.Context) error { return nil }

func (p partOf) count(ctx context.Context, c corpusDir, _ bool) (sample, error) {
	cmd := as(ctx, p.role, c.dir)
	cmd.Env = append(os.Environ(), p.env...)
	took, err := spend(ctx, cmd, nil)
	return took.sample(), err
}

// program makes one whose result is a file in the folder of the bench.
func (b bench) program(command func(ctx context.Context, dir, out string) *exec.Cmd) program {
	return program{filepath.Join(b.dir, "out"), command}
}

// inRole is this program in another role.
func (b bench) inRole(role string, env ...string) contender {
	return b.program(func(ctx context.Context, dir, out string) *exec.Cmd {
		cmd := as(ctx, role, dir, out)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	})
}

// line is a command for sh, in which {dir} is the corpus and {out} the file for the result.
func (b bench) line(line string) contender {
	return b.program(func(ctx context.Context, dir, out string) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", strings.NewReplacer("{dir}", quote(dir), "{out}", quote(out)).Replace(line))
	})
}

// quote makes one word of sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// outsider is any program that writes a line for each word of the files in a folder, its count
// first.
type outsider struct {
	name string
	line string // for sh, with {dir} and {out}
}

// parseOutsiders reads "NAME: COMMAND {dir} {out} ;; NAME: COMMAND {dir} {out}". Without a name it
// is the command's.
func parseOutsiders(s string) (list []outsider, err error) {
	for line := range strings.SplitSeq(s, ";;") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		o := outsider{filepath.Base(strings.Fields(line)[0]), line}
		if name, rest, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(name, "{}'\"/") {
			o = outsider{name, strings.TrimSpace(rest)}
		}
		for _, place := range []string{"{dir}", "{out}"} {
			if !strings.Contains(o.line, place) {
				return nil, fmt.Errorf("%q has no %s: write NAME: COMMAND {dir} {out}", line, place)
			}
		}
		list = append(list, o)
	}
	return list, nil
}
