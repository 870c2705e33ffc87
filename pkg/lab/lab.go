package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// ErrSurprise reports that a wrong way was exact, or that a right way was not.
var ErrSurprise = errors.New("lab: not every way did what the lesson says")

// lab is what all lessons share: a server of their own, and the texts as tasks.
type lab struct {
	server *redisd.Server
	redis  redis.UniversalClient
	job    protocol.Client
	tasks  []protocol.Entry
}

// Run teaches one lesson, by its number from 1, or with nil all of them, and prints what came of
// each. The lab has a server of its own in c.Dir, which it kills at will. At the end nothing is left
// there. The error wraps ErrSurprise if something was not as the lessons say.
func Run(ctx context.Context, out io.Writer, c redisd.Config, only *int) error {
	if only == nil {
		return teach(ctx, out, c, lessons, 1)
	}
	if *only < 1 || *only > len(lessons) {
		return fmt.Errorf("%w: there is no lesson %d: the lessons are 1 to %d", protocol.ErrInput, *only, len(lessons))
	}
	return teach(ctx, out, c, lessons[*only-1:*only], *only)
}

// teach teaches lessons, the first of which has a number.
func teach(ctx context.Context, out io.Writer, c redisd.Config, lessons []lesson, number int) (err error) {
	if err := redisd.CheckFolder(c.Dir); err != nil {
		return err
	}
	unlock, ok, err := state.Folder{Dir: c.Dir}.Lock("lab")
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: another lab is running in %q: wait for its end", protocol.ErrIncomplete, c.Dir)
	}
	defer unlock()
	if err := discard(ctx, c); err != nil { // an earlier lab may have been killed
		return err
	}
	defer func() {
		err = cmp.Or(err, discard(context.WithoutCancel(ctx), c))
		os.RemoveAll(filepath.Join(c.Dir, "jobs")) // the lock
		os.Remove(c.Dir)                           // the folder may hold other files
	}()

	l, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer l.redis.Close()
	fmt.Fprintf(out, "Each lesson counts %d texts into a sorted set, in a wrong way and in the right way. Both meet the same\n"+
		"fault. Each text has \"the\" twice. Everything is real: workers are processes, on %s.\n", len(texts), l.server.Version)
	surprises := 0
	for i, lesson := range lessons {
		n, err := lesson.teach(ctx, l, out, number+i)
		if err != nil {
			return err
		}
		surprises += n
	}
	if surprises > 0 {
		return fmt.Errorf("%w: %d did not", ErrSurprise, surprises)
	}
	fmt.Fprintln(out, "\nEach right way was exact, and each wrong way was not.")
	return nil
}

// open starts the server, and writes and plans the texts.
func open(ctx context.Context, c redisd.Config) (*lab, error) {
	dir := filepath.Join(c.Dir, "texts")
	if err := writeTexts(dir); err != nil {
		return nil, err
	}
	manifest, err := plan.Scan(dir, "", plan.Selection{})
	if err != nil {
		return nil, err
	}
	p := plan.New(manifest, plan.Options{Direct: true}) // no reducers: the lab's own shape
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
	return &lab{server: server, redis: rdb, job: protocol.Client{Redis: rdb, Job: p.Job}, tasks: plan.Entries(p.Splits())}, nil
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
func (l *lab) empty(ctx context.Context) error {
	return l.redis.Unlink(ctx, append(l.job.Job.Keys(), listKey(l.job.Job))...).Err()
}
