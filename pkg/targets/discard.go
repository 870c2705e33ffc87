package targets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
)

// Discard removes the jobs of this configuration's folder. It deletes them from a given server, or
// kills the folder's own server and deletes its data. Then it deletes what this program has in the
// folder, and the folder if that is empty. Discard works even if ctx has ended. The error wraps
// wordcount.ErrIncomplete if a supervisor still works on one of the jobs.
func Discard(ctx context.Context, c Config) error {
	ctx = context.WithoutCancel(ctx)
	c, err := config.UnderVariables(c)
	if err != nil {
		return failure.Explain(ctx, err)
	}
	s := newSession(config.Complete(c))
	if err := s.open(ctx); err != nil {
		return failure.Explain(ctx, err)
	}
	return failure.Explain(ctx, s.discard(ctx))
}

func (s *session) discard(ctx context.Context) error {
	s.shown.Quiet.Store(true)
	jobs, err := s.job.Folder().Jobs()
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if s.job.Folder().Supervised(job) {
			return fmt.Errorf("%w: job %s is running in %s: end it first", wordcount.ErrIncomplete, job, s.config.Dir)
		}
	}
	server, err := redisd.Open(s.config.Redis)
	switch {
	case errors.Is(err, redisd.ErrNone):
		err = nil
	case err == nil && server.Owned():
		err = server.Kill(ctx)
	case err == nil:
		err = s.clean(ctx)
	}
	for _, job := range jobs {
		err = cmp.Or(err, place.Delete(ctx, s.job.Folder(), job))
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"jobs", "last", "redis", "shuffle"} { // the folder may hold other files
		if err := os.RemoveAll(filepath.Join(s.config.Dir, name)); err != nil {
			return err
		}
	}
	os.Remove(s.config.Dir)
	return nil
}
