package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// Peers are other programs for the same, whose sources are in testdata/peers:
//
//	limit.c  as fast as the machine allows: one process, C, SIMD, nothing that coordinates
//	lab.py   the lab's own design: Python workers, a call for each file with XACK and ZINCRBYs
//	asynq    what a Go programmer might pick: a task queue on Redis; ZINCRBYs, at least once
//	duckdb   a database that reads JSON and CSV where they are; it counts by a query

// peersDir is absolute because a benchmark changes its working folder. Tests begin in that of their
// package.
var peersDir, _ = filepath.Abs(filepath.Join("testdata", "peers"))

// peers builds the peers. What can't be built here is skipped, and a line says why.
func (b bench) peers(ctx context.Context, c corpusDir) (entries []entry) {
	if p, ok := b.buildC(ctx); ok {
		entries = append(entries, entry{nameOfC(1), b.program(withThreads(p, 1)), c})
		if n := runtime.NumCPU(); n > 1 {
			entries = append(entries, entry{nameOfC(n), b.program(withThreads(p, n)), c})
		}
	}
	if p, ok := b.build(ctx, "asynq", "go", "build", "-C", filepath.Join(peersDir, "asynq"), "-o"); ok {
		entries = append(entries, entry{"asynq", b.atServer("asynq", p), c})
	}
	if python, ok := check.PythonWithRedis(ctx); ok {
		entries = append(entries, entry{"the lab in Python", b.atServer("lab", python, filepath.Join(peersDir, "lab.py")), c})
	} else {
		b.say("skipped the lab in Python: no python3 with the module redis, which Debian has as python3-redis")
	}
	return entries
}

func (b bench) buildC(ctx context.Context) (path string, ok bool) {
	return b.build(ctx, "C", "cc", "-O3", "-march=native", "-pthread", filepath.Join(peersDir, "limit.c"), "-o")
}

func nameOfC(threads int) string {
	if threads == 1 {
		return "C, one thread"
	}
	return fmt.Sprintf("C, %d threads", threads)
}

// build builds a program with a command to which the path of the program is added.
func (b bench) build(ctx context.Context, name string, command ...string) (path string, ok bool) {
	if !installed(command[0]) {
		b.say("skipped %s: %s is not installed", name, command[0])
		return "", false
	}
	path = filepath.Join(b.dir, "peers", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.say("skipped %s: %v", name, err)
		return "", false
	}
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], path)...)
	if _, err := spend(ctx, cmd, nil); err != nil {
		b.say("skipped %s: %s: %s", name, command[0], strings.Join(strings.Fields(err.Error()), " "))
		return "", false
	}
	return path, true
}

func withThreads(program string, n int) func(ctx context.Context, dir, out string) *exec.Cmd {
	return func(ctx context.Context, dir, out string) *exec.Cmd {
		return exec.CommandContext(ctx, program, dir, out, strconv.Itoa(n))
	}
}

// client is a contender with a server of its own, whose address is in REDIS_URL.
type client struct {
	*server
	bench   bench
	command []string // to which the folder and the file for the result are added
}

func (b bench) atServer(name string, command ...string) contender {
	return client{b.server(name), b, command}
}

func (p client) count(ctx context.Context, c corpusDir, first bool) (sample, error) {
	url, err := p.url()
	if err != nil {
		return sample{}, err
	}
	counts := p.bench.program(func(ctx context.Context, dir, out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, p.command[0], append(slices.Clone(p.command[1:]), dir, out)...)
		cmd.Env = append(os.Environ(), "REDIS_URL="+url)
		return cmd
	})
	defer counts.close(ctx)
	return p.around(ctx, func() (sample, error) { return counts.count(ctx, c, first) })
}
