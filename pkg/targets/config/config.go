package config

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// Config says what to count, and how. The zero value of a field means its default. Magefiles know
// this type as targets.Config. So what package targets does with it are functions and no methods:
// magefiles could call a method, too.
type Config struct {
	Dir          string                // state folder; ".wordcount"
	Inputs       []string              // files, folders and patterns; those of the folder's last run, or "data"
	Exclude      []string              // globs to leave out, see glob.ParseList; none
	Skip         plan.Skip             // what to leave out instead of ending the run; nothing
	Growing      bool                  // count a growing file up to its size at planning time
	Field        string                // what is counted of each record, see package record; plain text
	Words        string                // of the field's value, see package words; fields, or value
	Fold         string                // of each word, see package words; nothing
	Strict       bool                  // a record without a value ends the run
	Workers      int                   // processes; the number of CPUs that this process may use
	Reducers     int                   // partitions; by the input's size
	Direct       bool                  // no partitions: words go straight into the sorted set
	Keep         int                   // most frequent words that go into the sorted set; all
	Split        int64                 // bytes of a split; plan.DefaultSplit
	WholeFiles   bool                  // never split a file
	WorkerMemory int64                 // bytes that a worker may use; worker.DefaultWorkerMemory
	Shuffle      string                // folder or s3://bucket/prefix of map outputs and result files; in the state folder
	Lease        time.Duration         // worker.DefaultLease
	Checkpoint   time.Duration         // between checkpoints; wordcount.DefaultCheckpoint
	Faults       string                // see worker.ParseFaults; none
	Durability   checkpoint.Durability // none on a given server, bgsave on any other
	Memory       int64                 // bytes to use on a given server; wordcount.DefaultMemory
	JoinedEvents bool                  // the report has events of hosts that join, on a given server, too
	Metrics      string                // address on which run tells Prometheus how the job is doing; none
	VerifyPart   recount.Share         // what verify recounts; all
	Redis        redisd.Config         // its Dir is ignored: Config.Dir is used

	// AsIs says that the fields are final: no variable changes one, and without Inputs the input
	// is "data". It is for a job that only makes sense with these values, like a demonstration.
	AsIs bool

	keepAll bool   // WORDCOUNT_KEEP says so
	taken   string // see Taken
}

const (
	defaultDir   = ".wordcount"
	defaultInput = "data"
)

// Complete fills in the defaults of fields that distinguish configurations.
func Complete(c Config) Config {
	c.Dir = cmp.Or(c.Dir, defaultDir)
	if len(c.Inputs) == 0 {
		c.Inputs = []string{defaultInput}
	}
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0)) // knows the limits of a container, unlike NumCPU
	c.Redis.Dir, c.Redis.Name = c.Dir, cmp.Or(c.Redis.Name, "wordcount")
	return c
}

// Job returns the configuration of the job.
func Job(c Config) (wordcount.Config, error) {
	faults, err := worker.ParseFaults(c.Faults)
	return wordcount.Config{
		Dir: c.Dir, Inputs: c.Inputs, Options: c.options(),
		Workers: c.Workers, WorkerMemory: c.WorkerMemory, Shuffle: c.Shuffle, Lease: c.Lease, Faults: faults,
		Checkpoint: c.Checkpoint, Durability: c.Durability, Memory: c.Memory, JoinedEvents: c.JoinedEvents, Metrics: c.Metrics,
		Redis: c.Redis.URL, Server: c.Redis,
	}, err
}

// options returns the options that decide which job it is.
func (c Config) options() plan.Options {
	return plan.Options{Split: c.Split, WholeFiles: c.WholeFiles, Reducers: c.Reducers, Direct: c.Direct, Keep: c.Keep,
		Field: c.Field, Words: c.Words, Fold: c.Fold, Strict: c.Strict,
		Selection: plan.Selection{Exclude: c.Exclude, Skip: c.Skip, Growing: c.Growing}}
}

// ID distinguishes configurations, because two jobs in one process have two sets of nodes.
func ID(c Config) string {
	c.taken, c.keepAll = "", false
	return fmt.Sprintf("%#v", c) // %#v quotes paths, because they may hold any bytes
}
