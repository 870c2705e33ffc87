package targets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// session is what the steps of one configuration hand on to each other within this process. Nothing in it is needed
// to resume: another process builds its own.
type session struct {
	config Config
	folder wordcount.Folder
	shown  *progress
	quiet  atomic.Bool // events only pass by, and an attack says one line a fault
	name   string      // of its connections

	server *redisd.Server
	rdb    redis.UniversalClient
	plan   wordcount.Plan
	sup    *wordcount.Supervisor
	sealed *wordcount.Sealed // the result, once there is one

	jobs []*jobProcess // that chaos started

	// What goes on between steps: the team and the checkpoints. stop ends it, saying why.
	background context.Context
	stop       context.CancelCauseFunc
	team       *wordcount.Team
	loop       sync.WaitGroup
}

var (
	sessionsMu sync.Mutex
	sessions   = map[string]*session{}
)

// sessionOf returns the session of a configuration.
func sessionOf(c Config) *session {
	sessionsMu.Lock()
	defer sessionsMu.Unlock()
	s, ok := sessions[c.id()]
	if !ok {
		s = newSession(c)
		sessions[c.id()] = s
	}
	return s
}

func newSession(c Config) *session {
	s := &session{config: c, folder: wordcount.Folder{Dir: c.Dir}, shown: newProgress(os.Stderr), name: "wordcount"}
	s.background, s.stop = context.WithCancelCause(context.Background())
	return s
}

// say prints what a step did.
func (s *session) say(step, format string, args ...any) {
	s.note("%-16s %s", step, fmt.Sprintf(format, args...))
}

// note prints an event. While the job is under attack it only passes by, for the attack tells what matters.
func (s *session) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.quiet.Load() {
		s.shown.passing(text)
		return
	}
	s.shown.line(text)
}

// tell prints a line of a result.
func (s *session) tell(format string, args ...any) { s.shown.result(fmt.Sprintf(format, args...)) }

// ensure makes the folder's server answer and returns it. loud says why each way to a server was taken or skipped.
func (s *session) ensure(ctx context.Context, loud bool) (*redisd.Server, error) {
	c := s.config.Redis
	if loud && c.URL == "" && c.Kind == "" {
		if _, err := redisd.Open(c); errors.Is(err, redisd.ErrNone) {
			s.say("redis:start", "skipped given: REDIS_URL is not set")
		}
	}
	return redisd.Ensure(ctx, c, func(line string) {
		if loud || strings.HasPrefix(line, "! ") || strings.HasPrefix(line, "started again") {
			s.say("redis:start", "%s", line)
		}
	})
}

// connect opens the session's client, once.
func (s *session) connect(ctx context.Context, loud bool) error {
	if s.rdb != nil {
		return nil
	}
	server, err := s.ensure(ctx, loud)
	if err != nil {
		return err
	}
	rdb, err := server.Endpoint().Client(s.name)
	if err != nil {
		return err
	}
	s.server, s.rdb = server, rdb
	return nil
}

// revive brings the server back after whatever happened to it, and the functions with it.
func (s *session) revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wordcount.Patience)
	defer cancel()
	var err error
	if s.server.Owned() {
		_, err = s.ensure(ctx, false) // wherever it is now, every client finds it there
	} else {
		err = redisd.Ready(ctx, s.rdb)
	}
	if isServer(err) {
		return fmt.Errorf("%w: %w", wordcount.ErrRedis, err)
	}
	if err != nil {
		return err
	}
	_, err = s.loadLibrary(ctx)
	return err
}

// persist does something on the server, whatever befalls that meanwhile.
func (s *session) persist(ctx context.Context, do func() error) error {
	return wordcount.Persist(ctx, s.revive, do)
}

// keep keeps the checkpoint that was just taken. A server value serves one goroutine, so this has its own.
func (s *session) keep() error {
	server, err := redisd.Open(s.config.Redis)
	if err != nil {
		return err
	}
	return server.Keep(s.plan.Job.ID)
}

// workerEndpoint is how workers get to the server: with no more rights than they need, if it is ours to say so.
func (s *session) workerEndpoint(ctx context.Context) (redisd.Endpoint, error) {
	if !s.server.Owned() {
		return s.server.Endpoint(), nil
	}
	return s.server.AddUser(ctx, workerUser(s.plan.Job), wordcount.WorkerRules(s.plan.Job))
}

func workerUser(job wordcount.Job) string { return "worker-" + job.ID }

// loadLibrary loads the functions. On a server of ours other code of the same schema is an older build's, and makes
// way; on a given one somebody else may be running it.
func (s *session) loadLibrary(ctx context.Context) (redisfn.Outcome, error) {
	if s.server.Owned() {
		return wordcount.Library.Replace(ctx, s.rdb)
	}
	return wordcount.Library.Load(ctx, s.rdb)
}

// workersLog opens the file that gets what workers write to standard error.
func (s *session) workersLog() (io.WriteCloser, error) {
	path := filepath.Join(s.config.Dir, "jobs", s.plan.Job.ID, "workers.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil { // a folder that joins another one's job has none
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}
