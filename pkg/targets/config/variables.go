package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/metrics"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/plan/glob"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

const (
	maxWorkers      = 1024
	maxKeep         = 1 << 30  // words
	minWorkerMemory = 64 << 20 // bytes
)

// variable is one environment variable and the field that it sets.
type variable struct {
	name      string
	byDefault string // the default, as mage env shows it; it sets nothing
	set       func(c *Config, value string) error
}

// variables holds all variables, in the order in which mage env shows them.
var variables = []variable{
	{"WORDCOUNT_INPUT", defaultInput, func(c *Config, v string) (err error) {
		c.Inputs, err = ParseInputs(v)
		return err
	}},
	{"WORDCOUNT_EXCLUDE", "", func(c *Config, v string) (err error) {
		c.Exclude, err = glob.ParseList(v)
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
	{"WORDCOUNT_FIELD", "none: plain text", checked(func(c *Config) *string { return &c.Field }, func(v string) plan.Options { return plan.Options{Field: v} })},
	{"WORDCOUNT_WORDS", "fields; of a field value", checked(func(c *Config) *string { return &c.Words }, func(v string) plan.Options { return plan.Options{Words: v} })},
	{"WORDCOUNT_FOLD", "", checked(func(c *Config) *string { return &c.Fold }, func(v string) plan.Options { return plan.Options{Fold: v} })},
	{"WORDCOUNT_STRICT", "", func(c *Config, v string) error {
		if c.Strict = v == "1"; !c.Strict {
			return fmt.Errorf("write 1")
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
	{"WORDCOUNT_KEEP", "all words", func(c *Config, v string) (err error) {
		if c.Keep, c.keepAll = 0, v == "all"; !c.keepAll {
			c.Keep, err = between(v, 1, maxKeep)
		}
		if err != nil {
			err = fmt.Errorf("write all, or a number from 1 to %d", maxKeep)
		}
		return err
	}},
	{"WORDCOUNT_SPLIT", "64MiB; without reducers whole files", func(c *Config, v string) (err error) {
		c.Split, err = Size(v)
		c.WholeFiles = c.Split == 0
		return err
	}},
	{"WORDCOUNT_WORKER_MEMORY", "256MiB", func(c *Config, v string) (err error) {
		if c.WorkerMemory, err = Size(v); err == nil && c.WorkerMemory < minWorkerMemory {
			err = fmt.Errorf("a worker needs %s", humanize.IBytes(minWorkerMemory))
		}
		return err
	}},
	{"WORDCOUNT_SHUFFLE", "in the state folder", func(c *Config, v string) error {
		c.Shuffle = v
		_, err := backend.Where(v)
		return err
	}},
	{"WORDCOUNT_LEASE", "10s", duration(func(c *Config) *time.Duration { return &c.Lease })},
	{"WORDCOUNT_CHECKPOINT", "5s", duration(func(c *Config) *time.Duration { return &c.Checkpoint })},
	{"WORDCOUNT_FAULTS", "", func(c *Config, v string) error {
		c.Faults = v
		_, err := worker.ParseFaults(v)
		return err
	}},
	{"WORDCOUNT_EVENTS", "1; on a given server none", func(c *Config, v string) error {
		if c.JoinedEvents = v == "1"; !c.JoinedEvents {
			return fmt.Errorf("write 1")
		}
		return nil
	}},
	{"WORDCOUNT_METRICS", "", func(c *Config, v string) (err error) {
		c.Metrics, err = metrics.ParseAddr(v)
		return err
	}},
	{"WORDCOUNT_VERIFY_PART", "all words", func(c *Config, v string) (err error) {
		c.VerifyPart, err = recount.ParseShare(v)
		return err
	}},
	{"WORDCOUNT_DURABILITY", "bgsave; on a given server none", func(c *Config, v string) error {
		switch c.Durability = checkpoint.Durability(v); c.Durability {
		case checkpoint.BGSave, checkpoint.WaitAOF, checkpoint.None:
			return nil
		}
		return fmt.Errorf("write bgsave, waitaof or none")
	}},
	{"WORDCOUNT_REDIS_MEMORY", "1GiB, on a given server", func(c *Config, v string) (err error) {
		c.Memory, err = Size(v)
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

// checked is text for an option of what is counted.
func checked(field func(*Config) *string, alone func(string) plan.Options) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		_, err := alone(v).Counting()
		return err
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

// Size reads a number of bytes, like 64MiB.
func Size(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil || n > 1<<53 {
		return 0, fmt.Errorf("write a size like 64MiB")
	}
	return int64(n), nil
}

// set sets the field that a variable stands for. The error wraps wordcount.ErrInput.
func (c *Config) set(name, value string) error { return c.setTyped(name, name, value) }

// setFlag sets the field for a flag that has the name of the variable in another form.
func (c *Config) setFlag(name, value string) error {
	return c.setTyped(name, "-"+strings.ToLower(strings.TrimPrefix(name, "WORDCOUNT_")), value)
}

// setTyped is set. Its error names the variable or the flag as it was typed. It doesn't quote the
// value of a variable about Redis, because that may be a password in the wrong place.
func (c *Config) setTyped(name, typed, value string) error {
	i := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if err := variables[i].set(c, value); err != nil {
		if !strings.HasPrefix(name, "WORDCOUNT_REDIS_") {
			typed += "=" + value
		}
		why := strings.TrimPrefix(err.Error(), protocol.ErrInput.Error()+": ") // some have the class, some don't
		return fmt.Errorf("%w: %s: %s", protocol.ErrInput, typed, why)
	}
	return nil
}
