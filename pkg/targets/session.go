package targets

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

// session is what the steps of one configuration share within this process. Resuming needs nothing
// of it, because another process builds its own session.
type session struct {
	config Config
	job    *wordcount.Job // nil until it is opened
	shown  *show.Progress
	began  time.Time
	tail   event.Tail  // what was printed of the journal, with -v
	name   string      // name of its connections
	disk   *chaos.Disk // of the map outputs; nil: they are where the configuration says

	// Of the jobs that it starts for experiments:
	given     []string              // their inputs; nil: texts that are written for them
	histories *experiment.Histories // may be nil
}

var (
	sessionsMu sync.Mutex
	sessions   = map[string]*session{}
)

// sessionOf returns the session of a configuration.
func sessionOf(c Config) *session {
	sessionsMu.Lock()
	defer sessionsMu.Unlock()
	s, ok := sessions[config.ID(c)]
	if !ok {
		s = newSession(c)
		sessions[config.ID(c)] = s
	}
	return s
}

func newSession(c Config) *session {
	return &session{config: c, shown: show.NewProgress(os.Stderr), began: time.Now()}
}

// open opens the job, unless it is open.
func (s *session) open(ctx context.Context) error {
	if s.job != nil {
		return nil
	}
	c, err := config.Job(s.config)
	if err != nil {
		return err
	}
	c.Name, c.Events, c.Seen = s.name, s.event, s.seen
	if s.histories != nil {
		c.History = s.histories.Recorder
	}
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
		s.shown.Note("%v", e)
		return
	}
	s.shown.Say(targetsOf[e.Step], "%v", e)
}

// seen shows a status of the job. With -v, it also prints what was written down since the last one.
func (s *session) seen(st wordcount.Status) {
	s.shown.Update(st)
	s.printJournal()
}

// printJournal prints what this run has written down since the last call, if Mage has -v. What people
// were told is not printed again.
func (s *session) printJournal() {
	if !mg.Verbose() {
		return
	}
	s.tail.Path = s.job.Folder().Events(s.job.ID())
	for _, r := range s.tail.Next() {
		if r.Name != event.Told && r.Time.After(s.began) {
			s.shown.Note("%s %v", r.Time.Local().Format("15:04:05.000"), r)
		}
	}
}

// stopServer stops the session's server, unless it is a given one.
func (s *session) stopServer(ctx context.Context) error {
	server, err := redisd.Open(s.config.Redis)
	if errors.Is(err, redisd.ErrNone) || err == nil && !server.Owned() {
		return nil
	}
	if err != nil {
		return err
	}
	return server.Stop(context.WithoutCancel(ctx))
}
