package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// world is what all trials share: a server of their own, and the texts as tasks.
type world struct {
	server *redisd.Server
	redis  redis.UniversalClient
	job    protocol.Client
	tasks  []protocol.Entry
}

// open starts the server, and writes and plans the texts.
func open(ctx context.Context, c redisd.Config) (*world, error) {
	dir := filepath.Join(c.Dir, "texts")
	if err := writeTexts(dir); err != nil {
		return nil, err
	}
	direct := plan.Options{Direct: true} // no reducers: the lab's own shape
	manifest, err := plan.Scan(ctx, []string{dir}, "", direct)
	if err != nil {
		return nil, err
	}
	p := plan.New(manifest, direct)
	server, err := redisd.Ensure(ctx, c, func(string) {})
	if err != nil {
		return nil, err
	}
	rdb, err := server.Endpoint().Client("lab")
	if err != nil {
		return nil, err
	}
	if _, err := protocol.Library.Load(ctx, rdb); err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	return &world{server: server, redis: rdb, job: protocol.Client{Redis: rdb, Job: p.Job}, tasks: plan.Entries(p.Splits())}, nil
}

// discard kills the server of the folder, if there is one, and removes what a lab has written.
func discard(ctx context.Context, c redisd.Config) error {
	server, err := redisd.Open(c)
	if err == nil {
		if err := server.Kill(ctx); err != nil {
			return err
		}
		server.RemoveSocket()
	} else if !errors.Is(err, redisd.ErrNone) {
		return err
	}
	for _, name := range []string{"redis", "texts"} {
		if err := os.RemoveAll(filepath.Join(c.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// empty deletes what an earlier trial has left.
func (w *world) empty(ctx context.Context) error {
	return w.redis.Unlink(ctx, append(w.job.Job.Keys(), listKey(w.job.Job))...).Err()
}
