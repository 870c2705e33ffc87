package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// job is the whole job: the targets of a magefile, in a working folder of its own, with a server of
// its own. The clock sees the target run: the supervisor and its workers, from planning to sealing.
type job struct {
	server
	kill time.Duration // between two kills of a worker; 0: none
}

// job makes one that has these variables beside those that are set anyway.
func (b bench) job(name string, env ...string) *job {
	return &job{server: *b.server(name, env...)}
}

func (j *job) count(ctx context.Context, c corpusDir, first bool) (s sample, err error) {
	if err := j.do(ctx, "clean"); err != nil { // else it would be up to date
		return s, err
	}
	var peak int64
	killed := 0
	s, err = j.around(ctx, func() (sample, error) {
		run := j.target(ctx, "run")
		run.Env = append(run.Env, "WORDCOUNT_INPUT="+cmp.Or(c.url, c.dir))
		took, err := spend(ctx, run, func(ctx context.Context, pid int) {
			switch {
			case first:
				peak = watch(ctx, pid)
			case j.kill > 0:
				killed = killWorkers(ctx, pid, j.kill)
			}
		})
		s := took.sample()
		s.memory = max(s.memory, float64(peak))
		s.spent[kills] = float64(killed)
		return s, err
	})
	if err != nil {
		return s, fmt.Errorf("run: %w", err)
	}
	if err := j.do(ctx, "export", "-out="+j.exported()); err != nil {
		return s, err
	}
	s.tally, err = readTally(j.exported())
	return s, err
}

// exported is the file with the counts of the last round.
func (j *job) exported() string { return filepath.Join(j.dir, "export") }

// verification is the recount of a job that is done, by the standard library alone.
type verification struct{ *job }

func (v verification) count(ctx context.Context, c corpusDir, first bool) (s sample, err error) {
	run, err := v.job.count(ctx, c, first)
	if err != nil {
		return s, err
	}
	took, err := spend(ctx, v.target(ctx, "verify"), nil)
	s = took.sample()
	s.tally = run.tally
	return s, err
}

// server is a Redis in a working folder of its own.
type server struct {
	dir string
	env []string // for the targets
	rdb redis.UniversalClient
}

func (b bench) server(name string, env ...string) *server {
	return &server{dir: filepath.Join(b.dir, "jobs", name), env: slices.Concat(b.env, env)}
}

func (s *server) state() string { return filepath.Join(s.dir, ".wordcount") }

// target is a target of a magefile, in the working folder.
func (s *server) target(ctx context.Context, args ...string) *exec.Cmd {
	cmd := as(ctx, args[0], args[1:]...)
	cmd.Dir = s.dir
	// Without REDIS_URL, because a server that others use is no place to measure at.
	cmd.Env = slices.Concat(os.Environ(), s.env, []string{"REDIS_URL="})
	return cmd
}

func (s *server) do(ctx context.Context, args ...string) error {
	if _, err := spend(ctx, s.target(ctx, args...), nil); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// open starts a server that has seen nothing yet.
func (s *server) open(ctx context.Context) error {
	if err := s.close(ctx); err != nil { // a bench before this one may have died
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if err := s.do(ctx, "redis:start"); err != nil {
		return err
	}
	started, err := redisd.Open(redisd.Config{Dir: s.state()})
	if err != nil {
		return err
	}
	s.rdb, err = started.Endpoint().Client("bench")
	return err
}

// close kills the server, because nothing in it is worth saving, and removes the working folder.
func (s *server) close(ctx context.Context) error {
	if s.rdb != nil {
		s.rdb.Close()
		s.rdb = nil
	}
	started, err := redisd.Open(redisd.Config{Dir: s.state()})
	if err == nil {
		err = started.Kill(ctx)
	}
	if err != nil && !errors.Is(err, redisd.ErrNone) {
		return err
	}
	return os.RemoveAll(s.dir)
}

// url is the address of the server, with its password.
func (s *server) url() (string, error) {
	client, ok := s.rdb.(*redis.Client)
	if !ok {
		return "", fmt.Errorf("the server is not a single one, but a %T", s.rdb)
	}
	o := client.Options()
	u := url.URL{Scheme: "redis", User: url.UserPassword("", o.Password), Host: o.Addr}
	if o.Network == "unix" {
		u.Scheme, u.Host, u.Path = "unix", "", o.Addr
	}
	return u.String(), nil
}

// around adds to a sample what the server spends on it.
func (s *server) around(ctx context.Context, count func() (sample, error)) (sample, error) {
	before, err := s.usage(ctx)
	if err != nil {
		return sample{}, err
	}
	got, err := count()
	if err != nil {
		return got, err
	}
	after, err := s.usage(ctx)
	for unit, n := range after {
		got.spent[unit] = n - before[unit]
	}
	got.spent[redisMemory] = after[redisMemory] // a peak, not a sum
	got.memory += after[redisMemory]
	got.spent[cpu] += got.spent[redisCPU]
	return got, err
}

// usage is what the server has spent since it was started.
func (s *server) usage(ctx context.Context) (map[string]float64, error) {
	info, err := s.rdb.InfoMap(ctx, "cpu", "stats", "memory", "persistence").Result()
	if err != nil {
		return nil, fmt.Errorf("ask redis what it used: %w", err)
	}
	used := map[string]float64{}
	for _, field := range []struct{ unit, section, name string }{
		{redisCPU, "CPU", "used_cpu_user"}, {redisCPU, "CPU", "used_cpu_sys"},
		{redisCPU, "CPU", "used_cpu_user_children"}, {redisCPU, "CPU", "used_cpu_sys_children"},
		{received, "Stats", "total_net_input_bytes"}, {sent, "Stats", "total_net_output_bytes"},
		{checkpoints, "Persistence", "rdb_saves"},
		{redisMemory, "Memory", "used_memory_peak"},
	} {
		n, err := strconv.ParseFloat(info[field.section][field.name], 64)
		if err != nil {
			return nil, fmt.Errorf("redis doesn't tell its %s: %w", field.name, err)
		}
		used[field.unit] += n
	}
	return used, nil
}
