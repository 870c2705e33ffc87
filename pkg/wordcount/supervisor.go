package wordcount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redis/go-redis/v9"
)

const (
	seedChunk     = 1000                  // tasks in one call: a few milliseconds of the server
	watchEvery    = 20 * time.Millisecond // how often the job is looked at
	observeWithin = 3 * time.Second       // a look takes microseconds, unless the server is busy or gone
	tellEvery     = 3 * time.Second       // a dead worker's tasks are taken over one by one, and are told of together
	stuckMax      = 20                    // looks in a row at a job that can't go on; one would do, unless somebody meddles just now
	wipeMax       = 3                     // times that a foreign run is wiped before we ask who else is there
)

// Supervisor sees one job through: it seeds, watches, recovers, checkpoints and seals. It keeps nothing that matters
// but the folder: kill it, and the next one resumes.
//
// Immutable after Open: the exported fields and job, splits.
type Supervisor struct {
	Redis      redis.UniversalClient
	Plan       Plan
	Folder     Folder
	Durability Durability
	Every      time.Duration // between checkpoints
	TTL        time.Duration // life of a sealed job's keys; 0: for ever
	// Budget is the memory in bytes that the job's keys may take on a server that was given; 0: any.
	Budget int64
	// Revive makes the server answer again, with the functions loaded. It may be called at any time, and more than once
	// at a time. What it can't mend is an error that wraps ErrRedis or ErrState; others are tried again.
	Revive func(context.Context) error
	// Say takes one line for people.
	Say func(format string, args ...any)
	// Saved, if not nil, is called after each checkpoint.
	Saved func() error
	// Seen, if not nil, gets each status that the watch reads.
	Seen func(Status)

	protocol
	splits []Split

	seeding  sync.Mutex
	trust    Trust        // of the workers of this folder; with seeding
	owner    atomic.Value // string: the run that the job belongs to, known once it is seeded
	progress atomic.Int64 // tasks done or buried, as last seen
	redone   atomic.Int64 // tasks taken from workers, each once, and tasks that rollbacks took back
	restarts atomic.Int64 // of Redis
	saves    atomic.Int64 // checkpoints taken
	weighed  time.Time    // when the memory of the job was last looked at; the watch alone does
	blind    bool         // it was said that it can't be looked at
	watched  watched      // the watch's own
}

// watched is what the watch remembers from one look to the next, also when it was left and entered again.
type watched struct {
	runID   string // of the server's present life
	lastID  string // of the one before, or of this one before it was out of reach
	before  Status
	mending bool
	left    int // tasks done, the least that was seen while mending

	stuck    int       // looks in a row at which the job couldn't go on
	troubles int       // those that people were told of
	told     time.Time // when
}

// unreachable is an error for one line: Redis stayed away for too long, and the last that was heard of it.
func unreachable(late, last error) error {
	if last == nil {
		return fmt.Errorf("%w: %w", ErrRedis, late)
	}
	return fmt.Errorf("%w: %w: %w", ErrRedis, late, last)
}

// Prepare makes the supervisor ready; nothing is sent yet.
func (s *Supervisor) Prepare() {
	s.protocol = protocol{s.Redis, s.Plan.Job}
	s.splits = s.Plan.Splits()
}

// Maps is the number of map tasks.
func (s *Supervisor) Maps() int { return len(s.splits) }

// Saves is the number of checkpoints taken.
func (s *Supervisor) Saves() int { return int(s.saves.Load()) }

// Restarts is how often Redis was found restarted.
func (s *Supervisor) Restarts() int { return int(s.restarts.Load()) }

// Seed makes sure that every task is in the stream, whatever was there before; it may be called at any time.
func (s *Supervisor) Seed(ctx context.Context) error {
	s.seeding.Lock()
	defer s.seeding.Unlock()
	trust, err := s.Folder.Trust(s.Plan.Job.ID, s.splits)
	if err != nil {
		return err
	}
	s.trust = trust
	return Persist(ctx, s.Revive, func() error { return s.seedAll(ctx) })
}

// Trust is what the workers of this folder believe of their tasks, once the job is seeded.
func (s *Supervisor) Trust() Trust {
	s.seeding.Lock()
	defer s.seeding.Unlock()
	return s.trust
}

func (s *Supervisor) seedAll(ctx context.Context) error {
	id := s.Plan.Job.ID
	mine, known, err := s.Folder.Run(id)
	if err != nil {
		return err
	}
	maps := len(s.splits)
	for top, wipes := -1, 0; top < maps; {
		// The first call brings no tasks: it creates the job, or tells how far an earlier life came.
		var chunk []Split
		if top >= 0 {
			chunk = s.splits[top:min(top+seedChunk, maps)]
		}
		owner, now, err := s.seed(ctx, mine, maps, max(top, 0)+1, chunk)
		if err != nil {
			return err
		}
		if owner != mine && known {
			// An old dump that came back after a clean, say: the files may have changed since, behind equal sizes and times.
			if wipes++; wipes > wipeMax {
				return fmt.Errorf("%w: another folder keeps starting job %s anew on this server: stop it, or let it finish", ErrState, id)
			}
			s.Say("job %s belongs to a run that this folder does not know: wiped and seeded anew", id)
			if _, err := s.clean(ctx, owner); err != nil && !errors.Is(err, errOtherRun) {
				return err
			}
			top = -1
			continue
		}
		mine, top = owner, now
	}
	s.owner.Store(mine)
	if known {
		return nil
	}
	return s.Folder.SetRun(id, mine)
}

// Watch looks at the job until it is as wanted. Whatever Redis suffers meanwhile, it brings the job back: the server,
// the functions, the tasks that a rollback took away.
func (s *Supervisor) Watch(ctx context.Context, wanted func(Status) bool) (Status, error) {
	var nap pause
	w := &s.watched
	for {
		st, id, err := s.observe(ctx)
		if err != nil && ctx.Err() != nil {
			return Status{}, context.Cause(ctx)
		}
		if err != nil && !passing(err) && !errors.Is(err, errNoJob) {
			return Status{}, err
		}
		if err != nil || w.runID != "" && id != w.runID || st.Run != s.run() || st.Seeded < len(s.splits) {
			if late := nap.wait(ctx); late != nil {
				return Status{}, unreachable(late, err)
			}
			if !w.mending {
				w.left = w.before.done()
			}
			if err := s.mend(ctx); err != nil && !passing(err) {
				return Status{}, err
			}
			w.lastID, w.runID, w.mending = cmp.Or(w.runID, w.lastID), "", true
			continue
		}
		left := st.done()
		if w.mending {
			left = min(left, w.left)
		}
		lost := max(0, w.before.done()-left)
		s.redone.Add(int64(lost + max(0, st.Taken-w.before.Taken)))
		switch {
		case w.mending && id != w.lastID:
			s.restarts.Add(1)
			s.Say("! redis is back: %d of %d maps, %d of %d reduces done; %d to redo",
				st.Mapped, st.Maps, st.Reduced, st.Reducers, lost)
		case lost > 0:
			s.Say("! redis has lost some of its data: %d tasks to redo", lost)
		case w.mending:
			s.Say("! redis answers again")
		}
		if w.before.Run == "" {
			w.troubles = st.Troubles // of an earlier supervisor's time
		}
		if more := st.Troubles - w.troubles; more > 0 && time.Since(w.told) > tellEvery {
			s.Say("! %d more times a task was taken over from a worker that died or fell silent, or failed", more)
			w.troubles, w.told = st.Troubles, time.Now()
		}
		nap.reset()
		w.runID, w.before, w.mending = id, st, false
		s.progress.Store(int64(st.Mapped + st.Reduced + st.Buried))
		if s.Seen != nil {
			s.Seen(st)
		}
		if wanted(st) {
			return st, nil
		}
		if !stuck(st) {
			w.stuck = 0
		} else if w.stuck++; w.stuck > stuckMax {
			return Status{}, spoilt("with %d of %d maps and %d of %d partitions done, the job has no task left that somebody could do",
				st.Mapped, st.Maps, st.Reduced, st.Reducers)
		}
		if err := s.withinBudget(ctx); err != nil {
			return Status{}, err
		}
		if err := sleep(ctx, watchEvery); err != nil {
			return Status{}, err
		}
	}
}

// mend brings back the server and the tasks. In between it looks at what is left, for the workers lose no time.
func (s *Supervisor) mend(ctx context.Context) error {
	if err := s.Revive(ctx); err != nil {
		return err
	}
	switch st, err := s.status(ctx); {
	case errors.Is(err, errNoJob), err == nil && st.Run != s.run():
		s.watched.left = 0
	case err == nil:
		s.watched.left = min(s.watched.left, st.done())
	}
	return s.Seed(ctx)
}

// observe reads the status, and which life of the server it is from.
func (s *Supervisor) observe(ctx context.Context) (st Status, runID string, err error) {
	// A checkpoint's process that outlives a killed server keeps its connections open, and nothing would ever come.
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	home, err := s.home(ctx)
	if err != nil {
		return st, "", err
	}
	info, err := home.Info(ctx, "server", "memory").Result()
	if err != nil {
		return st, "", classify(err)
	}
	// The workers only know that their writes are refused.
	if used, most := number(infoField(info, "used_memory")), number(infoField(info, "maxmemory")); most > 0 && used > most {
		return st, "", fmt.Errorf("%w: the server uses %s of its maxmemory of %s and refuses writes: give it more memory, then run again to resume",
			ErrRedis, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(most)))
	}
	st, err = s.status(ctx)
	return st, infoField(info, "run_id"), err
}

// home is the server that has the job's keys: in a cluster, the present master of their slot.
func (s *Supervisor) home(ctx context.Context) (redis.UniversalClient, error) {
	cluster, ok := s.Redis.(*redis.ClusterClient)
	if !ok {
		return s.Redis, nil
	}
	master, err := cluster.MasterForKey(ctx, s.Plan.Job.Key("meta"))
	if err != nil {
		return nil, classify(err)
	}
	return master, nil
}

// infoField reads a field of INFO.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// run is the run that the job belongs to.
func (s *Supervisor) run() string {
	run, _ := s.owner.Load().(string)
	return run
}

// Progress is the number of tasks done or buried, as last seen.
func (s *Supervisor) Progress() int64 { return s.progress.Load() }

// Release lets the leases of a worker that ended run out at once, so that recovery takes milliseconds and not a lease. It
// returns how many tasks it held. If it died, that counts against those of which it may have.
func (s *Supervisor) Release(ctx context.Context, consumer string, died bool) (int, error) {
	return s.giveUp(ctx, s.run(), consumer, died)
}
