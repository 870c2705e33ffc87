package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
)

// connection is how a job reaches Redis: it finds or starts the server, loads the functions, and brings both back after
// whatever happened to them.
type connection struct {
	config redisd.Config
	name   string // that CLIENT LIST shows
	tell   func(line string)

	server *redisd.Server // nil: a client was given
	rdb    redis.UniversalClient
}

// open makes the server answer, once. It tells why each way to a server was taken or skipped if it is loud; that our own
// server was started again it always tells.
func (c *connection) open(ctx context.Context, loud bool) error {
	if c.rdb != nil {
		return nil
	}
	server, err := c.ensure(ctx, loud)
	if err != nil {
		return err
	}
	rdb, err := server.Endpoint().Client(c.name)
	if err != nil {
		return err
	}
	c.server, c.rdb = server, rdb
	return nil
}

func (c *connection) ensure(ctx context.Context, loud bool) (*redisd.Server, error) {
	return redisd.Ensure(ctx, c.config, func(line string) {
		if loud || strings.HasPrefix(line, "! ") || strings.HasPrefix(line, "started again") {
			c.tell(line)
		}
	})
}

// owned reports whether the server is this folder's own.
func (c *connection) owned() bool { return c.server != nil && c.server.Owned() }

// load loads the functions. On a server of our own, other code of the same schema is an older build's, and makes way; on
// a given one somebody else may be running it.
func (c *connection) load(ctx context.Context) (redisfn.Outcome, error) {
	if c.owned() {
		return protocol.Library.Replace(ctx, c.rdb)
	}
	return protocol.Library.Load(ctx, c.rdb)
}

// revive brings the server back, and the functions with it.
func (c *connection) revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, retry.Patience)
	defer cancel()
	var err error
	if c.owned() {
		_, err = c.ensure(ctx, false) // wherever it is now, every client finds it there
	} else {
		err = redisd.Ready(ctx, c.rdb)
	}
	if redisd.IsServer(err) {
		return fmt.Errorf("%w: %w", ErrRedis, err)
	}
	if err != nil {
		return err
	}
	_, err = c.load(ctx)
	return err
}

// do does something on the server that may be done twice, whatever happens to the server meanwhile.
func (c *connection) do(ctx context.Context, what func() error) error {
	return retry.Do(ctx, c.revive, what)
}

// keep keeps the checkpoint that was just taken. A server value serves one goroutine, so this has its own.
func (c *connection) keep(job string) error {
	server, err := redisd.Open(c.config)
	if err != nil {
		return err
	}
	return server.Keep(job)
}

// workers is how worker processes get to the server: with no more rights than they need, if the server is our own.
func (c *connection) workers(ctx context.Context, job protocol.Job) (endpoint json.RawMessage, err error) {
	e := c.server.Endpoint()
	if c.owned() {
		err = c.do(ctx, func() error {
			e, err = c.server.AddUser(ctx, workerUser(job.ID), protocol.WorkerRules(job))
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

func workerUser(job string) string { return "worker-" + job }

// close closes the client, if it isn't the caller's.
func (c *connection) close() error {
	if c.server == nil || c.rdb == nil {
		return nil
	}
	return c.rdb.Close()
}
