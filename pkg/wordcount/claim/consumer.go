package claim

import (
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Consumer is a worker as the streams know it.
type Consumer struct {
	Client protocol.Client
	Name   string        // unique over all hosts and lives
	Lease  time.Duration // how long a task may go without a heartbeat before another worker takes it
}
