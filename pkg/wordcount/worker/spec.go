package worker

import (
	"encoding/json"
	"os"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// DefaultLease is how long a task may go without a heartbeat before another worker takes it.
const DefaultLease = 10 * time.Second

// DefaultWorkerMemory is how much memory a worker may use by default, in bytes.
const DefaultWorkerMemory = 256 << 20

// Spec tells a worker what to do. A worker process reads it as JSON from the first line of its
// standard input. The rest of that input is the process's lifeline: when it ends, the supervisor is
// gone, and the worker ends too. Each further line is an updated mean lifetime of workers.
type Spec struct {
	Job protocol.Job
	// Consumer is the worker's name, which must be unique over all hosts and lives. It must hold a
	// nonce, because every container has a process 1.
	Consumer string
	Lease    time.Duration
	Memory   int64           // bytes that the worker may use, 64 MiB at least; 0: DefaultWorkerMemory
	Budget   protocol.Budget // of the job's memory in Redis
	Trust    plan.Trust
	Store    string        // folder of the map outputs; not used without reducers
	Life     time.Duration // mean lifetime of workers; 0: no worker has died
	Journal  string        // the file that gets its events, see package event; "": none
	Faults   Faults
	Server   json.RawMessage // where Redis is, in the format of the program that starts the process

	StoreWords int // words in one call that stores totals; 0: a tuned default
}

// NewName returns a name for a worker that no other worker has or had.
func NewName() string {
	host, _ := os.Hostname()
	return host + "-" + protocol.NewNonce()
}
