package chaos

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// fullFor is how long FillShuffle leaves the disk full after a worker has noticed.
const fullFor = 2 * time.Second

var errBlamed = errors.New("tasks were blamed for a full disk")

// FillShuffle fills the disk of the map outputs while there are maps to do, and gives the space back
// some seconds after a worker has noticed. It returns the time from then until a map output was
// committed. It is an error if a task is blamed.
func (a Attack) FillShuffle(ctx context.Context) (time.Duration, error) {
	if a.Disk == nil {
		return 0, ErrNoDisk
	}
	if a.Plan.Job.Reducers == 0 {
		return 0, errNoOutputs
	}
	before, err := a.until(ctx, func(st protocol.Status) bool { return st.Phase == protocol.Mapping && st.Mapped < st.Maps })
	if err != nil {
		return 0, err
	}
	blamed, _ := a.blamed(ctx) // an error counts as none: another fault may have ended the server
	if err := a.Disk.Fill(); err != nil {
		return 0, err
	}
	defer a.Disk.Free()
	waiting := 0
	full, err := a.until(ctx, func(st protocol.Status) bool {
		waiting = 0
		for name, about := range st.Workers {
			if about.Waits != "" && about.Beat != before.Workers[name].Beat {
				waiting++
			}
		}
		return waiting > 0 || st.Phase != protocol.Mapping
	})
	if err != nil {
		return 0, err
	}
	if waiting == 0 {
		a.Say("filled the disk of the map outputs, when all of them were written")
		return 0, a.Disk.Free()
	}
	select {
	case <-time.After(fullFor):
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if now, err := a.blamed(ctx); err == nil && now > blamed {
		return 0, errBlamed
	}
	if err := a.Disk.Free(); err != nil {
		return 0, err
	}
	since := time.Now()
	_, err = a.until(ctx, func(st protocol.Status) bool { return st.Mapped > full.Mapped || st.Phase != protocol.Mapping })
	recovery := time.Since(since)
	if err == nil {
		a.Say("filled the disk of the map outputs for %s, so that workers had to wait: one was committed %s", fullFor, after(recovery))
	}
	return recovery, err
}

// blamed returns how many errors were counted against tasks.
func (a Attack) blamed(ctx context.Context) (errs int, err error) {
	attempts, err := a.Redis.HGetAll(ctx, a.Plan.Job.Key("attempts")).Result()
	for field, n := range attempts {
		if strings.HasSuffix(field, " errors") {
			errs += protocol.Number(n)
		}
	}
	return errs, err
}
