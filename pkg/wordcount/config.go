package wordcount

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// Config says what to count, and how. Config{Inputs: []string{"texts"}} is complete, because a field with the
// zero value has its default.
type Config struct {
	Dir string // state folder; default: ".wordcount"
	// Inputs are files, folders and patterns, of the file system or of S3: see plan.Scan; default:
	// "data".
	Inputs []string
	plan.Options

	Workers      int             // default: the number of CPUs that this process may use
	WorkerMemory int64           // bytes for each worker, 64 MiB at least; default: worker.DefaultWorkerMemory
	Lease        time.Duration   // longest time without a heartbeat; default: worker.DefaultLease
	Faults       []worker.Faults // of the first worker processes, one element each, at most Workers; default: none

	// Shuffle is where the map outputs are, which all workers of a job share, and the result files, if
	// Keep is set: a folder, or s3://bucket/prefix; default: the folder "shuffle" in Dir. Workers on other
	// hosts need a folder that all hosts have mounted, or S3.
	Shuffle string

	Checkpoint time.Duration // between two checkpoints; default: DefaultCheckpoint
	// Durability is what sealing waits for. The default is BGSave on a server of the folder's own,
	// and None on a given one.
	Durability Durability
	// Memory is how many bytes the job may take on a given server. The workers of each host may
	// together exceed it by a tenth, because no host knows the workers of the others. The default is
	// DefaultMemory.
	Memory int64
	// JoinedEvents lets hosts that join send their events to the journal of this folder by way of a
	// given server, too. There they take at most 16 MiB, and at most a hundredth of Memory, in addition
	// to it. They always come by way of a server of the folder's own.
	JoinedEvents bool

	// Redis is the address of a given server: redis://, rediss:// or unix://. By default the folder
	// has a server of its own, which is started if it doesn't run.
	Redis string
	// Server says more about the server: the kind of the folder's own server, or the files with the
	// password and the certificates of a given one. Its fields Dir and URL are set from Dir and
	// Redis.
	Server redisd.Config

	// InProcess makes the workers goroutines of this process. Then a fault in one ends the whole
	// program, and all workers together can't use more than the program's heap allows. Without it
	// the workers are processes of this program: see Main.
	InProcess bool
	// Client is a ready client of a given server. It requires InProcess, and Close doesn't close
	// it.
	Client redis.UniversalClient

	// Metrics is a port of the loopback, like "9464", or an address, like "0.0.0.0:9464", on which the
	// process tells Prometheus how the job is doing, from Spawn until the workers have ended; default: none.
	Metrics string

	Name string // of the connections, as CLIENT LIST shows it; default: "wordcount"
	// Events receives what people may want to know. Several goroutines may call it at once. nil
	// drops it.
	Events func(Event)
	Seen   func(Status) // receives each status that is read while the job runs; may be nil
	// History records the calls of this process to the job's Redis, for tests and experiments. The
	// default is what the environment variable history.Variable says, which also holds for worker
	// processes. The calls of Client are not recorded.
	History *history.Recorder
}

const (
	// DefaultCheckpoint is the time between two checkpoints. A crash of Redis may cost the work of
	// that time.
	DefaultCheckpoint = 5 * time.Second
	// DefaultMemory is how much memory a job may take on a given server, in bytes.
	DefaultMemory = 1 << 30

	defaultDir   = ".wordcount"
	defaultInput = "data"

	// givenTTL is how long the keys of a job stay on a given server after its last supervisor.
	givenTTL = 7 * 24 * time.Hour
)

// WithDefaults returns c with the defaults filled in.
func (c Config) WithDefaults() Config {
	c.Dir = cmp.Or(c.Dir, defaultDir)
	if len(c.Inputs) == 0 {
		c.Inputs = []string{defaultInput}
	}
	c.Name = cmp.Or(c.Name, "wordcount")
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0)) // knows the limits of a container, unlike NumCPU
	c.Lease = cmp.Or(c.Lease, worker.DefaultLease)
	c.Checkpoint = cmp.Or(c.Checkpoint, DefaultCheckpoint)
	c.Server.Dir, c.Server.URL, c.Server.Name = c.Dir, c.Redis, cmp.Or(c.Server.Name, "wordcount")
	if c.given() {
		c.Durability = cmp.Or(c.Durability, checkpoint.None)
		c.Memory = cmp.Or(c.Memory, DefaultMemory)
	} else {
		c.Durability = cmp.Or(c.Durability, checkpoint.BGSave)
	}
	return c
}

// store is where this folder keeps map outputs. It means the same to all processes.
func (c Config) store() (place.Store, error) {
	dir, err := backend.Where(cmp.Or(c.Shuffle, state.Folder{Dir: c.Dir}.Shuffle()))
	if err != nil {
		err = fmt.Errorf("%w: the store %q: %w", protocol.ErrInput, c.Shuffle, err)
	}
	return place.Store{Dir: dir, Chosen: c.Shuffle != ""}, err
}

// given reports whether the caller gave a server. Such a server has another owner.
func (c Config) given() bool { return c.Redis != "" || c.Client != nil }
