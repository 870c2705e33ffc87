package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// RedisUse is what one run made of its server.
type RedisUse struct {
	CPU      float64 `json:"cpu_seconds"` // with the children that write checkpoints
	Received int64   `json:"received_bytes"`
	Sent     int64   `json:"sent_bytes"`
	Saves    int     `json:"checkpoints"`
}

// job is our whole job, as anyone runs it: the targets of a magefile, in a working folder of its own, with a server of
// its own that is up before. The clock sees the target run: the supervisor and its workers, from seeding to sealing.
type job struct {
	program string
	dir     string
	env     []string
	kill    time.Duration // between two kills of a worker; 0: none
	say     func(format string, args ...any)

	rdb redis.UniversalClient
}

// job makes one that has these variables beside those that are set anyway.
func (b Bench) job(name string, env ...string) *job {
	return &job{program: b.Program, dir: filepath.Join(b.Dir, "jobs", name), env: env, say: b.Say}
}

func (j *job) state() string { return filepath.Join(j.dir, ".wordcount") }

func (j *job) target(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, j.program, args...)
	cmd.Dir = j.dir
	// Somebody else's server is no place to measure at.
	cmd.Env = append(append(os.Environ(), "REDIS_URL="), j.env...)
	return cmd
}

func (j *job) do(ctx context.Context, args ...string) error {
	if _, err := spend(ctx, j.target(ctx, args...), nil); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// open starts a server that has seen nothing yet.
func (j *job) open(ctx context.Context) error {
	if err := j.close(ctx); err != nil { // a bench before us may have died
		return err
	}
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return err
	}
	if err := j.do(ctx, "redis:start"); err != nil {
		return err
	}
	server, err := redisd.Open(redisd.Config{Dir: j.state()})
	if err != nil {
		return err
	}
	j.rdb, err = server.Endpoint().Client("bench")
	return err
}

// close stops the server, and leaves nothing behind.
func (j *job) close(ctx context.Context) error {
	if j.rdb != nil {
		j.rdb.Close()
		j.rdb = nil
	}
	switch server, err := redisd.Open(redisd.Config{Dir: j.state()}); {
	case errors.Is(err, redisd.ErrNone):
	case err != nil:
		return err
	default:
		if err := server.Kill(ctx); err != nil { // there is nothing in it that is worth saving
			return err
		}
	}
	return os.RemoveAll(j.dir)
}

func (j *job) once(ctx context.Context, c Corpus, first bool) (r Run, err error) {
	if err := j.do(ctx, "clean"); err != nil { // else it would be up to date
		return r, err
	}
	before, err := j.usage(ctx)
	if err != nil {
		return r, err
	}
	cmd := j.target(ctx, "run")
	cmd.Env = append(cmd.Env, "WORDCOUNT_INPUT="+c.dir)
	var memory Memory
	took, err := spend(ctx, cmd, func(ctx context.Context, pid int) {
		switch {
		case first:
			memory = watch(ctx, pid)
		case j.kill > 0:
			r.Kills = j.killWorkers(ctx)
		}
	})
	if err != nil {
		return r, fmt.Errorf("run: %w", err)
	}
	after, err := j.usage(ctx)
	if err != nil {
		return r, err
	}
	r.memory = memory
	r.spent(took)
	r.memory.Redis = after.peak
	r.Redis = &RedisUse{after.CPU - before.CPU, after.Received - before.Received, after.Sent - before.Sent, after.Saves - before.Saves}
	r.tally, err = j.result(ctx, first)
	return r, err
}

// result is what the job counted: every word, or what it says itself of the whole.
func (j *job) result(ctx context.Context, whole bool) (t Tally, err error) {
	if whole {
		out := filepath.Join(j.dir, "export")
		if err := j.do(ctx, "export", "-out="+out); err != nil {
			return t, err
		}
		return readTally(out)
	}
	folder := wordcount.Folder{Dir: j.state()}
	plan, err := folder.Last()
	if err != nil {
		return t, err
	}
	sealed, ok, err := folder.Sealed(plan.Job.ID)
	if err == nil && !ok {
		err = fmt.Errorf("job %s isn't sealed", plan.Job.ID)
	}
	return Tally{Tokens: sealed.Tokens, Distinct: uint64(sealed.Distinct)}, err
}

// usage is what the server did since it was started.
type usage struct {
	RedisUse
	peak int64 // bytes allocated
}

func (j *job) usage(ctx context.Context) (u usage, err error) {
	info, err := j.rdb.InfoMap(ctx, "cpu", "stats", "memory", "persistence").Result()
	if err != nil {
		return u, fmt.Errorf("ask redis what it used: %w", err)
	}
	number := func(section, name string) float64 {
		n, _ := strconv.ParseFloat(info[section][name], 64)
		return n
	}
	for _, name := range []string{"used_cpu_user", "used_cpu_sys", "used_cpu_user_children", "used_cpu_sys_children"} {
		u.CPU += number("CPU", name)
	}
	u.Received = int64(number("Stats", "total_net_input_bytes"))
	u.Sent = int64(number("Stats", "total_net_output_bytes"))
	u.Saves = int(number("Persistence", "rdb_saves"))
	u.peak = int64(number("Memory", "used_memory_peak"))
	return u, nil
}
