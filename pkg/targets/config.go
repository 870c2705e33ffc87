package targets

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// Config says what to count, and how. The zero value of a field means its default, so
// Config{Input: "texts"} is complete.
//
// An environment variable wins over its field. So the person who runs a magefile can say where
// Redis is, or how many workers there are. With AsIs, variables change nothing.
//
// Targets on the command line, and the commands that errors advise, know the variables and the
// state folder ".wordcount". They don't know a Config, so use Result to read the words of its job.
type Config struct {
	Dir          string                // state folder; ".wordcount"
	Input        string                // file or folder; that of the folder's last run, or "data"
	Exclude      []string              // globs to leave out, see plan.ParseGlobs; none
	Skip         plan.Skip             // what to leave out instead of ending the run; nothing
	Growing      bool                  // count a growing file up to its size at planning time
	Workers      int                   // processes; the number of CPUs
	Reducers     int                   // partitions; by the input's size
	Direct       bool                  // no partitions: words go straight into the sorted set
	Split        int64                 // bytes of a split; plan.DefaultSplit
	WholeFiles   bool                  // never split a file
	WorkerMemory int64                 // bytes that a worker may use; worker.DefaultWorkerMemory
	Lease        time.Duration         // worker.DefaultLease
	Checkpoint   time.Duration         // between checkpoints; wordcount.DefaultCheckpoint
	Faults       string                // see worker.ParseFaults; none
	Durability   supervisor.Durability // none on a given server, bgsave on any other
	Memory       int64                 // bytes to use on a given server; wordcount.DefaultMemory
	VerifyPart   result.Share          // what verify recounts; all
	Redis        redisd.Config         // its Dir is ignored: Config.Dir is used

	// AsIs says that the fields are final: no variable changes one, and without an Input the input
	// is "data". It is for a job that only makes sense with these values, like a demonstration.
	AsIs bool

	taken string // settings from the last run as NAME=value, to show to people; see takeOver
}

const (
	defaultDir   = ".wordcount"
	defaultInput = "data"

	maxWorkers      = 1024
	minWorkerMemory = 64 << 20 // bytes
)

// variable is one environment variable and the field that it sets.
type variable struct {
	name      string
	byDefault string // as mage env shows it; complete sets it
	set       func(c *Config, value string) error
}

// variables holds all variables, in the order in which mage env shows them.
var variables = []variable{
	{"WORDCOUNT_INPUT", defaultInput, text(func(c *Config) *string { return &c.Input })},
	{"WORDCOUNT_EXCLUDE", "", func(c *Config, v string) (err error) {
		c.Exclude, err = plan.ParseGlobs(v)
		return err
	}},
	{"WORDCOUNT_SKIP", "", func(c *Config, v string) (err error) {
		c.Skip, err = plan.ParseSkip(v)
		return err
	}},
	{"WORDCOUNT_GROWING", "", func(c *Config, v string) error {
		if c.Growing = v == "planned"; !c.Growing {
			return fmt.Errorf("write planned")
		}
		return nil
	}},
	{"WORDCOUNT_WORKERS", "one a CPU", func(c *Config, v string) (err error) {
		c.Workers, err = between(v, 1, maxWorkers)
		return err
	}},
	{"WORDCOUNT_REDUCERS", "by the input's size", func(c *Config, v string) (err error) {
		c.Reducers, err = between(v, 0, protocol.MaxReducers)
		c.Direct = c.Reducers == 0
		return err
	}},
	{"WORDCOUNT_SPLIT", "64MiB; without reducers whole files", func(c *Config, v string) (err error) {
		c.Split, err = size(v)
		c.WholeFiles = c.Split == 0
		return err
	}},
	{"WORDCOUNT_WORKER_MEMORY", "256MiB", func(c *Config, v string) (err error) {
		if c.WorkerMemory, err = size(v); err == nil && c.WorkerMemory < minWorkerMemory {
			err = fmt.Errorf("a worker needs %s", humanize.IBytes(minWorkerMemory))
		}
		return err
	}},
	{"WORDCOUNT_LEASE", "10s", duration(func(c *Config) *time.Duration { return &c.Lease })},
	{"WORDCOUNT_CHECKPOINT", "5s", duration(func(c *Config) *time.Duration { return &c.Checkpoint })},
	{"WORDCOUNT_FAULTS", "", func(c *Config, v string) error {
		c.Faults = v
		_, err := worker.ParseFaults(v)
		return err
	}},
	{"WORDCOUNT_VERIFY_PART", "all words", func(c *Config, v string) (err error) {
		c.VerifyPart, err = result.ParseShare(v)
		return err
	}},
	{"WORDCOUNT_DURABILITY", "bgsave; on a given server none", func(c *Config, v string) error {
		switch c.Durability = supervisor.Durability(v); c.Durability {
		case supervisor.BGSave, supervisor.WaitAOF, supervisor.None:
			return nil
		}
		return fmt.Errorf("write bgsave, waitaof or none")
	}},
	{"WORDCOUNT_REDIS_MEMORY", "1GiB, on a given server", func(c *Config, v string) (err error) {
		c.Memory, err = size(v)
		return err
	}},
	{"WORDCOUNT_REDIS_KIND", "the first that works", func(c *Config, v string) error {
		switch c.Redis.Kind = redisd.Kind(v); c.Redis.Kind {
		case redisd.Container, redisd.Process, redisd.Provisioned:
			return nil
		}
		return fmt.Errorf("write %s, %s or %s", redisd.Container, redisd.Process, redisd.Provisioned)
	}},
	{"WORDCOUNT_REDIS_IMAGE", "redis:7.4", text(func(c *Config) *string { return &c.Redis.Image })},
	{"WORDCOUNT_REDIS_PORT", "none: a unix socket", func(c *Config, v string) (err error) {
		c.Redis.Port, err = between(v, 1, 65535)
		return err
	}},
	{"REDIS_URL", "", text(func(c *Config) *string { return &c.Redis.URL })},
	{"WORDCOUNT_REDIS_PASSWORD_FILE", "", text(func(c *Config) *string { return &c.Redis.PasswordFile })},
	{"WORDCOUNT_REDIS_CA", "", text(func(c *Config) *string { return &c.Redis.CAFile })},
	{"WORDCOUNT_REDIS_CERT", "", text(func(c *Config) *string { return &c.Redis.CertFile })},
	{"WORDCOUNT_REDIS_KEY", "", text(func(c *Config) *string { return &c.Redis.KeyFile })},
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

func duration(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 10*time.Millisecond {
			return fmt.Errorf("write a duration of at least 10ms, like 5s")
		}
		*field(c) = d
		return nil
	}
}

func between(v string, low, high int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("write a number from %d to %d", low, high)
	}
	return n, nil
}

func size(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil || n > 1<<53 {
		return 0, fmt.Errorf("write a size like 64MiB")
	}
	return int64(n), nil
}

// resolve returns the final configuration. It applies the variables, then the flags (by the names
// of their variables), and then the settings of the last run, if no input is named. The result has
// AsIs set. The error wraps wordcount.ErrInput.
func (c Config) resolve(flags map[string]string) (Config, error) {
	if c.AsIs {
		return c, nil
	}
	c, err := c.underVariables()
	for name, value := range flags {
		err = cmp.Or(err, c.set(name, value))
	}
	if err != nil {
		return c, err
	}
	return c.takeOver()
}

// underVariables applies the variables to the configuration. The result has AsIs set. A variable
// that is unset or empty changes nothing. The error wraps wordcount.ErrInput.
func (c Config) underVariables() (Config, error) {
	if c.AsIs {
		return c, nil
	}
	c.AsIs = true
	if err := onlyKnown(os.Environ()); err != nil {
		return c, err
	}
	// REDIS_URL may name another server, which must not get the secrets of the one in the Config.
	if os.Getenv("REDIS_URL") != "" && c.Redis.URL != "" {
		c.Redis.PasswordFile, c.Redis.CAFile, c.Redis.CertFile, c.Redis.KeyFile = "", "", "", ""
	}
	for _, v := range variables {
		if value := os.Getenv(v.name); value != "" {
			if err := c.set(v.name, value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// set sets the field that a variable stands for. The error wraps wordcount.ErrInput.
func (c *Config) set(name, value string) error {
	i := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if err := variables[i].set(c, value); err != nil {
		return fmt.Errorf("%w: %s=%s: %w", protocol.ErrInput, name, value, err)
	}
	return nil
}

// complete fills in the defaults of fields that distinguish configurations.
func (c Config) complete() Config {
	c.Dir = cmp.Or(c.Dir, defaultDir)
	c.Input = cmp.Or(c.Input, defaultInput)
	c.Workers = cmp.Or(c.Workers, runtime.NumCPU())
	c.Redis.Dir, c.Redis.Name = c.Dir, cmp.Or(c.Redis.Name, "wordcount")
	return c
}

// wordcount returns the configuration of the job.
func (c Config) wordcount() (wordcount.Config, error) {
	faults, err := worker.ParseFaults(c.Faults)
	return wordcount.Config{
		Dir: c.Dir, Input: c.Input, Options: c.options(),
		Workers: c.Workers, WorkerMemory: c.WorkerMemory, Lease: c.Lease, Faults: faults,
		Checkpoint: c.Checkpoint, Durability: c.Durability, Memory: c.Memory,
		Redis: c.Redis.URL, Server: c.Redis,
	}, err
}

// options returns the options that decide which job it is.
func (c Config) options() plan.Options {
	return plan.Options{Split: c.Split, WholeFiles: c.WholeFiles, Reducers: c.Reducers, Direct: c.Direct,
		Selection: plan.Selection{Exclude: c.Exclude, Skip: c.Skip, Growing: c.Growing}}
}

// id distinguishes configurations, because two jobs in one process have two sets of nodes.
func (c Config) id() string {
	c.taken = ""
	return fmt.Sprintf("%#v", c) // %#v quotes paths, because they may hold any bytes
}
