package worker

import (
	"encoding/json"
	"os"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// DefaultWorkerMemory bounds what a worker takes, in bytes.
const DefaultWorkerMemory = 256 << 20

// Spec says what a worker is to do. A worker process reads it as JSON from the first line of its standard input.
// The rest of that input is its lifeline: when it ends, the supervisor is gone, and the worker ends too. Each further
// line is an updated mean lifetime of workers.
type Spec struct {
	Job      protocol.Job
	Consumer string // unique over all hosts and lives: it must hold a nonce, because every container has a process 1
	Lease    time.Duration
	Memory   int64 // bytes that the worker may take; 0: DefaultWorkerMemory
	Trust    plan.Trust
	Life     time.Duration // how long workers live, in the mean; 0: none has died
	Faults   Faults
	Server   json.RawMessage // where Redis is, in the words of the program that starts the process

	StoreWords  int // words in one call that stores totals; 0: a good number
	CommitBytes int // bytes in one call that commits; 0: a good number
}

// NewName is a name for a worker that nothing else has.
func NewName() string {
	host, _ := os.Hostname()
	return host + "-" + protocol.NewNonce()
}
