package wordcount

import (
	"cmp"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// Config says what to count, and how. The zero value of each field is a useful default, so Config{Input: "texts"} is
// complete.
type Config struct {
	Dir   string // state folder; ".wordcount"
	Input string // file or folder; "data"
	plan.Options

	Workers      int           // the number of CPUs
	WorkerMemory int64         // bytes that a worker may take; worker.DefaultMemory
	Lease        time.Duration // how long a task may go without a heartbeat; worker.DefaultLease
	Faults       []worker.Faults

	Checkpoint time.Duration // between checkpoints; DefaultCheckpoint
	Durability Durability    // what sealing waits for; BGSave on a server of our own, None on a given one
	Memory     int64         // bytes that the job may take on a given server; DefaultMemory

	// Redis is the address of a server that is given, redis://, rediss:// or unix://. "": a server of this folder's own,
	// which is started if it doesn't run.
	Redis string
	// Server says more of the server: which kind our own is, the files with a given one's password and certificates. Its
	// Dir and URL are Dir and Redis.
	Server redisd.Config

	// InProcess lets the workers be goroutines of this process. A fault in one takes the program down, and the program can
	// count no more than its own heap allows. Without it they are processes of this program: see Main.
	InProcess bool
	// Client is a client that is ready, of a given server. It needs InProcess, and stays open.
	Client redis.UniversalClient

	Name   string       // of our connections, as CLIENT LIST shows it; "wordcount"
	Events func(Event)  // what people may want to know; nil drops it. Several goroutines may call it at once.
	Seen   func(Status) // each status that is read while the job runs; may be nil
}

const (
	// DefaultCheckpoint is the time between checkpoints: what a crash of Redis may cost.
	DefaultCheckpoint = 5 * time.Second
	// DefaultMemory is what a job may take on a server that was given, in bytes.
	DefaultMemory = 1 << 30

	defaultDir   = ".wordcount"
	defaultInput = "data"

	// givenTTL is how long a sealed job stays on a server that was given.
	givenTTL = 7 * 24 * time.Hour
)

// WithDefaults fills in the defaults.
func (c Config) WithDefaults() Config {
	c.Dir = cmp.Or(c.Dir, defaultDir)
	c.Input = cmp.Or(c.Input, defaultInput)
	c.Name = cmp.Or(c.Name, "wordcount")
	c.Workers = cmp.Or(c.Workers, runtime.NumCPU())
	c.Lease = cmp.Or(c.Lease, worker.DefaultLease)
	c.Checkpoint = cmp.Or(c.Checkpoint, DefaultCheckpoint)
	c.Server.Dir, c.Server.URL, c.Server.Name = c.Dir, c.Redis, cmp.Or(c.Server.Name, "wordcount")
	if c.given() {
		c.Durability = cmp.Or(c.Durability, supervisor.None)
		c.Memory = cmp.Or(c.Memory, DefaultMemory)
	} else {
		c.Durability = cmp.Or(c.Durability, supervisor.BGSave)
	}
	return c
}

// given reports whether the server is somebody's who lets us use it.
func (c Config) given() bool { return c.Redis != "" || c.Client != nil }
