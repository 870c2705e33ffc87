package relay

import (
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	entriesMost  = 1024 // of the stream: 16 MiB, if all are as large as they may be
	entriesLeast = 4
	// The stream may take one part in budgetPart of a job's budget on a given server. It doesn't count
	// against the budget, so events never end a job.
	budgetPart = 100
)

// length is how many entries the stream of a job may have; 0: none, because the budget is too small.
func length(b protocol.Budget) int64 {
	if b.Bytes <= 0 {
		return entriesMost
	}
	n := min(b.Bytes/budgetPart/event.BatchMost, entriesMost)
	if n < entriesLeast {
		return 0
	}
	return n
}

// Fields of an entry.
const (
	from    = "from"    // who has sent it
	number  = "n"       // of the batch
	journal = "journal" // from which it is
	sent    = "sent"    // when, by the sender's clock: milliseconds since 1970
	lines   = "lines"
)
