package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// ErrSurprise reports that a wrong way was exact, or that a right way was not.
var ErrSurprise = errors.New("lab: not every way did what the lesson says")

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

// teach teaches lessons. number is that of the first one.
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

	w, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer w.redis.Close()
	fmt.Fprintf(out, "Each lesson counts %d texts into a sorted set, in a wrong way and in the right way. Both meet the same\n"+
		"fault. Each text has \"the\" twice. Everything is real: workers are processes, on %s.\n", len(texts), w.server.Version)
	surprises := 0
	for i, lesson := range lessons {
		n, err := lesson.teach(ctx, w, out, number+i)
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
