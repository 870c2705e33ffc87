package lab

import (
	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// worker is what a program works with. A seeder and a sealer have the same.
type worker struct {
	name   string
	redis  redis.UniversalClient
	job    protocol.Client
	tasks  []protocol.Entry
	stream string // key of the stream of tasks
	list   string // key of the list that a wrong worker has instead
	counts string // key of the sorted set

	// at tells the lab where the process is, and waits until the lab lets it go on. Here faults
	// strike.
	at func(point string)
}

// listKey is the key of the list that a wrong worker has instead of a stream.
func listKey(job protocol.Job) string { return job.Key("list") }
