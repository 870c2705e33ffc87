package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// observeWithin bounds one look at the job. A look takes microseconds, unless the server is busy or
// gone.
const observeWithin = 3 * time.Second

// home is the server that has a job's keys.
type home struct{ client protocol.Client }

// life returns the present life of the server: its run_id, which is new after each start.
func (h home) life(ctx context.Context) (string, error) {
	server, err := h.client.Server(ctx)
	if err != nil {
		return "", err
	}
	info, err := server.InfoMap(ctx, "server").Result()
	if err != nil {
		return "", protocol.Classify(err)
	}
	return info["Server"]["run_id"], nil
}

// server is what a look shows of the server that has the job's keys.
type server struct {
	life   string // its run_id, which is new after each start
	memory int64  // that it uses, in bytes
}

// observe reads the status of the job, and looks at the server that the status is from.
func (h home) observe(ctx context.Context) (st protocol.Status, at server, err error) {
	// If the process of a checkpoint outlives a killed server, it keeps the server's connections
	// open. No reply would ever come.
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	rdb, err := h.client.Server(ctx)
	if err != nil {
		return st, at, err
	}
	info, err := rdb.InfoMap(ctx, "server", "memory").Result()
	if err != nil {
		return st, at, protocol.Classify(err)
	}
	// Workers can't report this, because they only see that their writes are refused.
	used, most := protocol.Number(info["Memory"]["used_memory"]), protocol.Number(info["Memory"]["maxmemory"])
	if most > 0 && used > most {
		return st, at, fmt.Errorf("%w: the server uses %s of its maxmemory of %s and refuses writes: give it more memory, then run again to resume",
			protocol.ErrRedis, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(most)))
	}
	st, err = h.client.Status(ctx)
	return st, server{info["Server"]["run_id"], int64(used)}, err
}
