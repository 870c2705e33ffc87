package targets

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// session is what the steps of one configuration share within this process. Resuming needs nothing
// of it, because another process builds its own session.
type session struct {
	config Config
	job    *wordcount.Job // nil until it is opened
	shown  *progress
	quiet  atomic.Bool // don't keep lines about events; an attack prints one line for each fault
	name   string      // name of its connections

	jobs []interface{ interrupt() } // the processes that chaos started for jobs
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
	return &session{config: c, shown: newProgress(os.Stderr)}
}

// open opens the job, unless it is open.
func (s *session) open(ctx context.Context) error {
	if s.job != nil {
		return nil
	}
	c, err := s.config.wordcount()
	if err != nil {
		return err
	}
	c.Name, c.Events, c.Seen = s.name, s.event, s.shown.update
	job, err := wordcount.Open(ctx, c)
	s.job = job
	return err
}

// recorded reports whether the job is in the state folder, so that the next run resumes it.
func (s *session) recorded() bool { return s.job != nil && s.job.ID() != "" }

// targetsOf are the targets that stand for the steps of a job.
var targetsOf = map[wordcount.Step]string{
	wordcount.StepServer:      "redis:start",
	wordcount.StepFunctions:   "functions:load",
	wordcount.StepSeed:        "stream:seed",
	wordcount.StepWorkers:     "workers:spawn",
	wordcount.StepCheckpoints: "checkpoint:loop",
}

// event prints an event of the job.
func (s *session) event(e wordcount.Event) {
	if e.Step == "" {
		s.note("%v", e)
		return
	}
	s.say(targetsOf[e.Step], "%v", e)
}

// say prints what a step did.
func (s *session) say(step, format string, args ...any) {
	s.note("%-16s %s", step, fmt.Sprintf(format, args...))
}

// note prints a line. While the job is under attack, the next line replaces it, because the attack
// prints what matters.
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
