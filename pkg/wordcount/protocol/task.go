package protocol

// Stream is one of a job's two streams of tasks.
type Stream string

// The streams, by the names that their keys and the library have for them.
const (
	Maps    Stream = "map"    // one task for each split
	Reduces Stream = "reduce" // one task for each partition
)

// Group is the consumer group of both streams. Each worker is a consumer in it.
const Group = "workers"

// TaskID names a task within its job.
type TaskID struct {
	Stream Stream
	Number int // from 1; of a reduce task, the partition + 1
}

// Where a task stands when a call is refused.
const (
	Pending     = "pending"     // a worker holds it
	Settled     = "settled"     // it was acknowledged, by this caller or another
	Undelivered = "undelivered" // no worker holds it: a rollback took the delivery back
)
