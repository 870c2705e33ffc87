//go:build mage

// An exactly-once, crash-proof word count over many files. What depends on what:
//
//	redis:start → functions:load → stream:seed ─┬→ workers:spawn ───┬→ run → verify
//	                                            └→ checkpoint:loop ─┘
//
//mage:multiline
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magefile/mage/mg"
	"github.com/magefile/mage/sh"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/gotest"
	"github.com/magereduce/magereduce/pkg/lab"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/versions"
	//mage:import
	"github.com/magereduce/magereduce/pkg/targets"
)

// The processes of a lab are this program. And Mage runs targets before it looks at what is behind them, so a wrong argument
// is refused here.
func init() {
	lab.Main()
	if err := targets.CheckArguments(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(mg.ExitStatus(err))
	}
}

// Demo counts a generated corpus, kills Redis and a worker under it, and verifies: the plugin as anyone would use it
func Demo(ctx context.Context) (err error) {
	texts := filepath.Join(".wordcount", "demo-texts")
	if err := corpus.Write(ctx, texts, corpus.Spec{Bytes: 64 << 20}, nil); err != nil {
		return err
	}
	job := targets.Config{
		Dir: filepath.Join(".wordcount", "demo"), Inputs: []string{texts}, Checkpoint: time.Second / 2,
		Split: 1 << 20, Workers: 2, Faults: "slow=300ms:2", // some seconds of work
		AsIs: true, // variables that the user has set for other jobs must not change this one
	}
	if err := targets.Discard(ctx, job); err != nil { // an earlier demo may have left a job
		return err
	}
	defer func() { err = errors.Join(err, targets.Discard(ctx, job)) }()
	// The worker is killed last, because its replacement isn't slow and would finish the job soon.
	mg.SerialCtxDeps(ctx, targets.Attacked(job, chaos.RestartRedis, chaos.KillWorker), targets.Verified(job))
	return nil
}

// Lab teaches how a job stays exact: each lesson counts in a wrong way and in the right way, under the same fault; -lesson=N for one
func Lab(ctx context.Context,
	lesson *int, // its number, from 1; all
) error {
	err := lab.Run(ctx, &show.Out, redisd.Config{Dir: filepath.Join(".wordcount", "lab"), Name: "wordcount"}, lesson)
	return failure.Explain(ctx, cmp.Or(err, show.Out.Err()))
}

// Test runs the tests but for the long ones, and tells of each that is skipped
func Test(ctx context.Context,
	race *bool, // with the race detector, and only those that run in one process
	long *bool, // the long ones, and no others
) error {
	given := func(flag *bool) bool { return flag != nil && *flag }
	which := gotest.Without
	if given(long) {
		which = gotest.Only
	}
	tests, err := which(gotest.Long)
	if err != nil {
		return err
	}
	if given(race) {
		return raced(ctx, tests)
	}
	_, err = gotest.Run(ctx, os.Stdout, nil, "-timeout=30m", "-p="+atOnce, "-parallel="+atOnce,
		"-ldflags=-s", // without symbols linking is a third faster
		tests,
		"./pkg/wordcount", "./pkg/targets", "./...", // the longest first
	)
	return err
}

// atOnce is how many tests run at once. They mostly wait for Redis, processes and disks, so there is room
// for more of them than CPUs.
var atOnce = strconv.Itoa(2 * runtime.GOMAXPROCS(0))

// raced runs tests with the race detector: those of the packages that start goroutines. Whole jobs are
// left to Full, and targets to the tests without it, because they run processes of another program.
func raced(ctx context.Context, tests string) error {
	args := []string{"-timeout=30m", "-race", tests, "./pkg/chaos/...", "./pkg/redisd/...", "./pkg/targets/show"}
	for _, room := range []string{"claim", "combine", "pool", "recount", "result", "shuffle", "supervisor", "worker"} {
		args = append(args, "./pkg/wordcount/"+room)
	}
	_, err := gotest.Run(ctx, os.Stdout, nil, args...)
	return err
}

// Lint runs the linters of .golangci.yml, gofmt and vet among them, and checks the types for the other platforms that we build for
func Lint() error {
	if err := sh.RunV("go", "tool", "-modfile=.lint/go.mod", "golangci-lint", "run"); err != nil {
		return err
	}
	if err := sh.RunV("go", "-C", ".lint", "run", "./knots", "./..."); err != nil {
		return err
	}
	return sh.RunV("go", "-C", ".lint", "run", "./platforms", "linux/arm64", "darwin/arm64")
}

// Sweep injects an accident at each command that a small job sends and at each operation on its files, in each way: the complete crash-point sweep
func Sweep() error {
	return sh.RunWithV(map[string]string{"WORDCOUNT_SWEEP": "full"},
		"go", "test", "-count=1", "-timeout=60m", "-run", "TestAJobIsExactWhereverAnAccidentStrikes", "./pkg/wordcount")
}

// Properties runs random schedules of faults on a real server, many of them
func Properties() error {
	return sh.RunWithV(map[string]string{"WORDCOUNT_PROPERTIES": "full"},
		"go", "test", "-count=1", "-timeout=60m", "-run", "TestAnySchedule", "./pkg/wordcount/...")
}

// Full runs the long tests, whole jobs with the race detector, and every fault and bad input at its full size
func Full(ctx context.Context) error {
	long := true
	if err := Test(ctx, nil, &long); err != nil {
		return err
	}
	// The race detector makes counting twenty times as slow, so what counts GiBs is left out.
	if _, err := gotest.Run(ctx, os.Stdout, nil, "-timeout=60m", "-parallel="+atOnce, "-race", "-skip=^TestFault(49|64)", "./pkg/wordcount"); err != nil {
		return err
	}
	return sh.RunWithV(map[string]string{"WORDCOUNT_TEST_FULL": "1"},
		"go", "test", "-count=1", "-timeout=60m", "-run", "TestFault[0-9]", "./...")
}

// Versions runs the suite and the main commands on each current version of Redis and Valkey: see -h versions
func Versions(ctx context.Context,
	only *string, // one of them, like redis-experimental
	gate *bool, // what the gate runs, on the newest Redis
) error {
	return versions.Target(ctx, only, gate)
}

// Mutation takes each guard of the protocol out, one at a time, and prints the test that catches it
func Mutation(ctx context.Context) error {
	return gotest.Exec(ctx, "pkg/wordcount/mutation", "-test.run=^TestTheTestsNoticeEachMissingGuard$", "-test.timeout=0", "-mutate")
}

// Scale runs a job of very many workers that count next to nothing, and prints what it takes of Redis
func Scale(ctx context.Context,
	workers *int, // of the job; 1000
	tasks *int, // of the job; 100000
	pace *time.Duration, // how long each task takes at least; 0s
	kill *time.Duration, // how often a worker is killed; never
) error {
	args := []string{"-test.run=^TestScale$", "-test.timeout=0", "-scale"}
	args = gotest.Flag(args, "workers", workers)
	args = gotest.Flag(args, "tasks", tasks)
	args = gotest.Flag(args, "pace", pace)
	args = gotest.Flag(args, "kill", kill)
	return gotest.Exec(ctx, "pkg/wordcount/worker", args...)
}

// Bench measures the job against other ways to count: see -h bench
func Bench(ctx context.Context,
	what *string, // pairs, goals, sweeps, or one of the goals or sweeps; pairs
	against *string, // more programs for pairs: 'NAME: CMD {dir} {out} ;; …'
	bytes *string, // of the corpus for pairs; 512MiB
	files *int, // of the corpus for pairs; 64
	words *int, // different words of the corpus for pairs; 200000
	rounds *int, // measurements of each; 5, and 3 at each point of a sweep
	scale *float64, // of the corpora of goals and sweeps, 0.01 is a hundredth; 1
	out *string, // file to which each round is appended, in the format of benchstat
	pictures *string, // folder for the pictures of the sweeps; .bench
) error {
	benchmarks := map[string]string{"pairs": "^BenchmarkPairs$", "goals": "^BenchmarkGoals$", "sweeps": "^BenchmarkSweeps$"}
	for name, parts := range map[string][]string{
		"goals":  {"many-bytes", "half-GiB", "one-core", "many-words", "checkpoints", "small-files", "sleeping", "dying", "verify", "gzip", "jsonl", "csv", "regexp", "unicode", "s3"},
		"sweeps": {"workers", "files", "words", "bytes"},
	} {
		for _, part := range parts {
			benchmarks[part] = fmt.Sprintf("%s/^%s$", benchmarks[name], part)
		}
	}
	which := benchmarks["pairs"]
	if what != nil {
		if which = benchmarks[*what]; which == "" {
			return mg.Fatalf(2, "-what=%s: write one of %s", *what, strings.Join(slices.Sorted(maps.Keys(benchmarks)), ", "))
		}
	}
	args := []string{"-test.run=^$", "-test.bench=" + which, "-test.benchtime=1x", "-test.timeout=0"}
	args = gotest.Flag(args, "against", against)
	args = gotest.Flag(args, "bytes", bytes)
	args = gotest.Flag(args, "files", files)
	args = gotest.Flag(args, "words", words)
	args = gotest.Flag(args, "rounds", rounds)
	args = gotest.Flag(args, "scale", scale)
	args = gotest.Flag(args, "out", out)
	args = gotest.Flag(args, "pictures", pictures)
	err := gotest.Exec(ctx, "pkg/bench", args...)
	if ctx.Err() != nil {
		return mg.Fatal(130, "interrupted")
	}
	return err
}

// BenchKernel measures the counting kernel alone, in benchstat's format
func BenchKernel() error {
	return sh.RunV("go", "test", "-run=^$", "-bench=.", "-benchmem", "-count=5", "./pkg/wordcount/count")
}
