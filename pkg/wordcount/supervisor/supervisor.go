package supervisor

import (
	"context"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/relay"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/redis/go-redis/v9"
)

// Config is what a supervisor needs.
type Config struct {
	Redis      redis.UniversalClient
	Plan       plan.Plan
	Folder     state.Folder
	Store      place.Store // of the map outputs
	Durability checkpoint.Durability
	Every      time.Duration // between checkpoints
	TTL        time.Duration // how long the job's keys stay when no supervisor works; 0: for ever
	// Budget is the memory in bytes that the job's keys may take on a given server; 0: no limit.
	Budget int64
	// Revive makes the server answer again, and loads the functions. It may be called at any time,
	// by several goroutines at once. An error that wraps protocol.ErrRedis or protocol.ErrState is
	// final. After any other error Revive is called again.
	Revive func(context.Context) error
	Events event.Receiver
	// Saved, if not nil, is called after each checkpoint.
	Saved func() error
	// Seen, if not nil, gets each status that Watch reads.
	Seen func(protocol.Status)
	// Joined, if not nil, makes the listener that hears the events of hosts that join. It is called
	// once, by the supervisor that leads.
	Joined func() *relay.Listener
}

// Supervisor sees one job through: it seeds, watches, recovers, checkpoints and seals. It keeps
// nothing that matters outside of the folder. If it is killed, the next one resumes.
//
// Immutable after New: config and client. The type of each other field says who may use it.
type Supervisor struct {
	config  Config
	client  protocol.Client
	seeder  *seeder
	saver   *checkpoint.Saver
	watcher *watch
	expiry  *expiry // the watch uses it, too
}

// New makes a supervisor. It sends nothing yet.
func New(c Config) *Supervisor {
	client := protocol.Client{Redis: c.Redis, Job: c.Plan.Job, Budget: protocol.Budget{Bytes: c.Budget}}
	seeder := &seeder{
		client: client, folder: c.Folder, splits: c.Plan.Splits(), revive: c.Revive, events: c.Events,
		place: &place.Keeper{Job: c.Plan.Job, Folder: c.Folder, Store: c.Store, Events: c.Events},
	}
	expiry := &expiry{home: home{client}, ttl: c.TTL}
	return &Supervisor{
		expiry: expiry,
		config: c, client: client, seeder: seeder,
		saver: &checkpoint.Saver{Client: client, Every: c.Every, Saved: c.Saved, Events: c.Events},
		watcher: &watch{
			home: home{client}, seeder: seeder, events: c.Events, seen: c.Seen,
			budget: budget{client: client, events: c.Events}, expiry: expiry,
		},
	}
}

// Maps returns the number of map tasks.
func (s *Supervisor) Maps() int { return len(s.seeder.splits) }

// Saves returns the number of checkpoints taken.
func (s *Supervisor) Saves() int { return s.saver.Saves() }

// Restarts returns how often Redis was found restarted.
func (s *Supervisor) Restarts() int { return int(s.watcher.restarts.Load()) }

// Progress returns the number of tasks that are done or buried, as last seen.
func (s *Supervisor) Progress() int64 { return s.watcher.progress.Load() }

// Seed makes sure that every task is in the stream, whatever was there before. It may be called at
// any time.
func (s *Supervisor) Seed(ctx context.Context) error {
	err := s.seeder.seed(ctx)
	s.expiry.keepNow(ctx)
	return err
}

// Leave lets the keys of a job that isn't sealed expire, if its supervisor and its workers have
// ended. The supervisor must not be used at the same time.
func (s *Supervisor) Leave(ctx context.Context) { s.expiry.keepNow(ctx) }

// Trust says which files the workers of this folder may open. It is known once the job is seeded.
func (s *Supervisor) Trust() plan.Trust { return s.seeder.workersTrust() }

// Store returns the folder of the job's map outputs; "" if it has no reducers. It is known once the
// job is seeded.
func (s *Supervisor) Store() (dir string, err error) {
	store, _, err := s.config.Folder.Store(s.client.Job.ID, s.seeder.run())
	return store.Dir, err
}

// Watch watches the job until wanted returns true, and returns that status. If Redis loses
// something meanwhile, Watch brings it back: the server, the functions, and the tasks that a
// rollback took away.
func (s *Supervisor) Watch(ctx context.Context, wanted func(protocol.Status) bool) (protocol.Status, error) {
	return s.watcher.until(ctx, wanted)
}

// Checkpoint returns when a snapshot that started after the call is on disk.
func (s *Supervisor) Checkpoint(ctx context.Context) error { return s.saver.Take(ctx) }

// Checkpoints takes a checkpoint each time that Config.Every has passed, if there was progress
// since the last one, until ctx ends. It does nothing unless Config.Durability is checkpoint.BGSave.
func (s *Supervisor) Checkpoints(ctx context.Context) {
	if s.config.Durability == checkpoint.BGSave {
		s.saver.Loop(ctx, s.Progress)
	}
}

// Release lets the leases of a worker that ended run out at once, so that recovery takes
// milliseconds instead of a lease. It returns how many tasks the worker held. If the worker died,
// the death is counted against every task that may have caused it. The caller tells people about
// the death and these tasks.
func (s *Supervisor) Release(ctx context.Context, consumer string, died bool) (int, error) {
	told := &s.watcher.released
	told.underWay.Add(1)
	defer told.underWay.Add(-1)
	n, err := s.client.Release(ctx, s.seeder.run(), consumer, died)
	if died {
		told.tasks.Add(int64(n))
	}
	return n, err
}
