package wordcount

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// connection is how a job reaches Redis. It finds or starts the server and loads the functions. It
// restores both after a failure.
type connection struct {
	config redisd.Config
	name   string // of the connections, as CLIENT LIST shows it
	tell   func(line string)
	record *history.Recorder // nil: calls aren't recorded
	calls  *protocol.Calls   // counts those of this client

	server *redisd.Server // nil: a client was given, or the connection isn't open
	rdb    redis.UniversalClient
}

// open makes the server answer, once. If loud is set, it tells why each way to a server was taken
// or skipped. It always tells the warnings, and that the folder's own server was started again.
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
	c.record.Attach(rdb)
	c.calls.Attach(rdb)
	c.server, c.rdb = server, rdb
	return nil
}

// ensure finds the server, or starts it.
func (c *connection) ensure(ctx context.Context, loud bool) (server *redisd.Server, err error) {
	err = c.record.Restart(func() (restarted bool, err error) {
		up := c.config.URL != "" // nobody here starts a given server
		server, err = redisd.Ensure(ctx, c.config, func(line string) {
			up = up || strings.HasPrefix(line, "still up")
			if loud || strings.HasPrefix(line, "! ") || strings.HasPrefix(line, "started again") {
				c.tell(line)
			}
		})
		return !up, err
	})
	return server, err
}

// owned reports whether the server is this folder's own.
func (c *connection) owned() bool { return c.server != nil && c.server.Owned() }

// load loads the functions. On the folder's own server it replaces other code of the same schema,
// because that code is from an older build. On a given server it doesn't, because another program
// may be using that code.
func (c *connection) load(ctx context.Context) (redisfn.Outcome, error) {
	if c.owned() {
		return protocol.Library.Replace(ctx, c.rdb)
	}
	return protocol.Library.Load(ctx, c.rdb)
}

// revive brings back the server, and loads the functions.
func (c *connection) revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, retry.Patience)
	defer cancel()
	var err error
	if c.owned() {
		_, err = c.ensure(ctx, false) // the server's address may be new, and every client finds it
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

// do runs an operation that is safe to repeat. After a failure of the server it restores the
// server, and runs the operation again.
func (c *connection) do(ctx context.Context, what func() error) error {
	return retry.Do(ctx, c.revive, what)
}

// keep keeps the checkpoint that was just taken. A redisd.Server is for one goroutine, so keep
// opens its own.
func (c *connection) keep(job string) error {
	server, err := redisd.Open(c.config)
	if err != nil {
		return err
	}
	return server.Keep(job)
}

// workers returns how worker processes reach the server. On the folder's own server they get a user
// of their own, with no more rights than they need.
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

// close closes the client, unless the caller gave it.
func (c *connection) close() error {
	if c.server == nil || c.rdb == nil {
		return nil
	}
	return c.rdb.Close()
}

// remember records that the connection's server may have keys of a job.
func (c *connection) remember(folder state.Folder, job string) error {
	place, err := c.place()
	if err == nil {
		err = folder.AddServer(job, place)
	}
	return err
}

// What the state folder records of a server that has no address.
const (
	ownServer   = "own"    // the folder's own
	readyClient = "client" // whatever the program's ready client leads to
)

// place is what the state folder records of the connection's server: a word, or an address without
// a password.
func (c *connection) place() (string, error) {
	switch {
	case c.config.URL != "":
		server, err := redisd.Open(c.config) // this connects to nothing
		if err != nil {
			return "", err
		}
		return server.Endpoint().WithoutPassword().URL, nil
	case c.server == nil && c.rdb != nil:
		return readyClient, nil
	}
	return ownServer, nil
}
