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

// observe reads the status of the job, and the life of the server that the status is from.
func (h home) observe(ctx context.Context) (st protocol.Status, life string, err error) {
	// If the process of a checkpoint outlives a killed server, it keeps the server's connections
	// open. No reply would ever come.
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	server, err := h.client.Server(ctx)
	if err != nil {
		return st, "", err
	}
	info, err := server.InfoMap(ctx, "server", "memory").Result()
	if err != nil {
		return st, "", protocol.Classify(err)
	}
	// Workers can't report this, because they only see that their writes are refused.
	used, most := protocol.Number(info["Memory"]["used_memory"]), protocol.Number(info["Memory"]["maxmemory"])
	if most > 0 && used > most {
		return st, "", fmt.Errorf("%w: the server uses %s of its maxmemory of %s and refuses writes: give it more memory, then run again to resume",
			protocol.ErrRedis, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(most)))
	}
	st, err = h.client.Status(ctx)
	return st, info["Server"]["run_id"], err
}
