package timeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// Lane is a worker and, after its death, the workers that replaced it.
type Lane struct {
	Number   int // from 1
	Host     string
	Lives    []*Life
	Attempts []*Attempt
}

// Life is what one process of a worker lived.
type Life struct {
	Worker   string // its name
	PID      int    // 0: not known
	From, To time.Time
	Died     bool
}

// nonceLen is the length of the random end of a worker's name, with the dash before it. That end makes
// the name unlike all others.
const nonceLen = 27

// hostOf is the host of a worker, as its name says.
func hostOf(name string) string {
	if len(name) <= nonceLen {
		return "?"
	}
	return name[:len(name)-nonceLen]
}

// called is how people call a worker: by its process.
func (w *worker) called() string {
	if w.life.PID == 0 {
		return fmt.Sprint(w.lane.Number)
	}
	return fmt.Sprintf("%d (process %d)", w.lane.Number, w.life.PID)
}

// worker returns the worker of an event, and gives a new one a lane.
func (b *builder) worker(r event.Record) *worker {
	if w, ok := b.workers[r.Worker]; ok {
		return w
	}
	w := &worker{name: r.Worker, lane: b.lane(r), life: &Life{Worker: r.Worker, PID: r.PID, From: r.Time, To: r.Time}}
	w.lane.Lives = append(w.lane.Lives, w.life)
	b.workers[r.Worker] = w
	return w
}

// lane returns the lane of a new worker: that of the worker it replaces, or another one that is free,
// or a new one.
func (b *builder) lane(r event.Record) *Lane {
	host := hostOf(r.Worker)
	if slot := r.Slot - 1; slot >= 0 && slot < len(b.run.Lanes) {
		if l := b.run.Lanes[slot]; l.Host == host && b.free(l, r.Time) {
			return l
		}
	}
	if r.Slot > 0 {
		for _, l := range b.run.Lanes {
			if l.Host == host && b.free(l, r.Time) {
				return l
			}
		}
	}
	l := &Lane{Number: len(b.run.Lanes) + 1, Host: host}
	b.run.Lanes = append(b.run.Lanes, l)
	return l
}

// free reports whether the last worker of a lane has ended. One whose supervisor was killed may have
// ended without a word.
func (b *builder) free(l *Lane, at time.Time) bool {
	life := l.Lives[len(l.Lives)-1]
	return b.seen[life.Worker] || b.last[life.Worker].Before(at)
}

// order puts the attempts in the order of their times.
func (l *Lane) order() {
	slices.SortStableFunc(l.Attempts, func(a, b *Attempt) int { return a.From.Compare(b.From) })
}
