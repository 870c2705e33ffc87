package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// spareFrom is how often the output of a task may have been lost before it is spared. One loss more
// would bury the task, and that is no accident that a job outlives.
const spareFrom = 2

// LoseOutput deletes a map output that counts. It returns the time from its revocation until all maps
// were committed again.
func (a Attack) LoseOutput(ctx context.Context) (time.Duration, error) {
	return a.harmOutput(ctx, "deleted", os.Remove)
}

// DamageOutput flips a bit in the middle of a map output that counts, and otherwise does what
// LoseOutput does.
func (a Attack) DamageOutput(ctx context.Context) (time.Duration, error) {
	return a.harmOutput(ctx, "flipped a bit of", flipBit)
}

// flipBit flips a bit in the middle of a file. It writes that byte alone, because another fault may
// have filled the disk.
func flipBit(path string) (err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	middle := make([]byte, 1)
	if _, err := file.ReadAt(middle, info.Size()/2); err != nil {
		return err
	}
	middle[0] ^= 1
	_, err = file.WriteAt(middle, info.Size()/2)
	return err
}

func (a Attack) harmOutput(ctx context.Context, what string, harm func(path string) error) (time.Duration, error) {
	if a.Plan.Job.Reducers == 0 {
		return 0, errNoOutputs
	}
	hit, path, err := a.anyOutput(ctx)
	if err == nil {
		err = harm(path)
	}
	if err != nil {
		return 0, err
	}
	gone := false
	if _, err := a.until(ctx, func(st protocol.Status) bool {
		outputs, _, err := protocol.OutputsSoFar(ctx, a.Redis, a.Plan.Job)
		gone = err == nil && !slices.ContainsFunc(outputs, func(o protocol.Output) bool { return o.Name == hit.Name })
		return gone || st.Phase == protocol.Done
	}); err != nil {
		return 0, err
	}
	if !gone {
		a.Say("%s the map output of the tasks %s, when all of it was read", what, hit.Tasks)
		return 0, nil
	}
	since := time.Now()
	_, err = a.until(ctx, func(st protocol.Status) bool { return st.Mapped == st.Maps })
	recovery := time.Since(since)
	if err == nil {
		a.Say("%s the map output of the tasks %s: they were counted again %s", what, hit.Tasks, after(recovery))
	}
	return recovery, err
}

// anyOutput waits until there is a map output that may be lost, and returns one, and where it is.
func (a Attack) anyOutput(ctx context.Context) (hit protocol.Output, path string, err error) {
	inS3 := false
	_, err = a.until(ctx, func(st protocol.Status) bool {
		if st.Phase == protocol.Done {
			return false
		}
		outputs, meta, err := protocol.OutputsSoFar(ctx, a.Redis, a.Plan.Job)
		if err != nil {
			return false
		}
		lost, err := a.Redis.HGetAll(ctx, a.Plan.Job.Key("attempts")).Result()
		if err != nil {
			return false
		}
		for _, o := range outputs {
			store, known, err := a.Folder.Store(a.Plan.Job.ID, meta["run"])
			if err != nil || !known || spent(o, lost) {
				continue
			}
			if inS3 = backend.InS3(store.Dir); inS3 {
				return true
			}
			hit, path = o, filepath.Join(store.Dir, a.Plan.Job.ID, meta["run"], "map", filepath.Base(o.Name))
			if _, err := os.Stat(path); err == nil {
				return true
			}
		}
		return false
	})
	if err == nil && inS3 {
		err = errInS3
	}
	return hit, path, err
}

// spent reports whether one loss more would bury a task of an output.
func spent(o protocol.Output, attempts map[string]string) bool {
	for field, n := range attempts {
		var task int
		if _, err := fmt.Sscanf(field, "map %d lost", &task); err == nil && strings.HasSuffix(field, " lost") &&
			o.Has(task) && protocol.Number(n) >= spareFrom {
			return true
		}
	}
	return false
}
