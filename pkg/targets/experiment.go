package targets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/targets/texts"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// attackerOf returns a session with connections of its own, because an attack may cut the job's
// connections.
func attackerOf(c Config) *session {
	s := newSession(c)
	s.name = "chaos"
	return s
}

// experiment returns an experiment with the session's job.
func (s *session) experiment() *experiment.Experiment {
	e := &experiment.Experiment{
		Job: s.job, Disk: s.disk, Command: s.command, Say: s.shown.Tell, Note: s.shown.Note, Cleaned: s.cleaned,
		Recount: s.recount, Compare: s.compare, Histories: s.histories,
	}
	if !s.shown.Quiet.Load() {
		e.Show = s.shown.Result
	}
	return e
}

// command returns a command that runs the session's job as it was planned.
func (s *session) command() (*exec.Cmd, error) {
	c := s.config
	planned := s.job.Planned()
	o := planned.Options
	c.Inputs, c.Split, c.WholeFiles, c.Reducers, c.Direct, c.Keep = planned.Manifest.Inputs, o.Split, o.WholeFiles, o.Reducers, o.Direct, o.Keep
	c.Exclude, c.Skip, c.Growing = o.Exclude, o.Skip, o.Growing
	c.Field, c.Words, c.Fold, c.Strict = o.Field, o.Words, o.Fold, o.Strict
	return jobCommand(c)
}

// tryFault attacks the job that runs in this folder, and verifies its result. If no job runs, it
// starts one. Only a job that it starts has a disk that it may fill.
func tryFault(ctx context.Context, fault chaos.Fault) error {
	return inFolder(ctx, func(s *session) error {
		own := attackerOf(s.config)
		if err := own.open(ctx); err != nil {
			return err
		}
		fills := fault.Victim == chaos.Store
		if !fills && own.job.Last() == nil && own.job.Folder().Supervised(own.job.ID()) {
			e := own.experiment()
			defer e.End()
			return e.Try(ctx, fault)
		}
		if s.config.Redis.URL != "" && fault.Victim == chaos.Server {
			return redisd.ErrGiven // refused before any text is written
		}
		if fills {
			s.shown.Note("starting a job with a small disk of its own")
			var err error
			if s.disk, err = chaos.NewDisk(); err != nil {
				return err
			}
			defer s.disk.Close()
		} else {
			s.shown.Note("no job is running in this folder: starting one")
		}
		return onScratch(ctx, s, scratchBytes, func(e *experiment.Experiment) error { return e.Try(ctx, fault) })
	})
}

// tryAll tries each fault, and prints a table of the outcomes.
func tryAll(ctx context.Context, s *session) error {
	return onAnyDisk(ctx, s, scratchBytes, func(e *experiment.Experiment) error {
		outcomes, err := e.Each(ctx, chaos.FaultsOf(!s.config.Direct, e.Disk))
		return errors.Join(err, show.Outcomes(&show.Out, outcomes))
	})
}

// storm injects faults at random for a time, into one job after the other, and verifies each job.
func storm(ctx context.Context, s *session, lasts, every *time.Duration, seed *int, bytes, input *string) (err error) {
	length, gap, size64, number := time.Minute, time.Second, int64(1<<30), time.Now().UnixNano()
	if lasts != nil {
		length = *lasts
	}
	if every != nil {
		gap = *every
	}
	if seed != nil {
		number = int64(*seed)
	}
	if bytes != nil {
		if size64, err = texts.Size(*bytes); err != nil {
			return err
		}
	}
	if input != nil {
		if bytes != nil {
			return fmt.Errorf("%w: -bytes=%s is for texts that the storm writes: leave it out with -input", wordcount.ErrInput, *bytes)
		}
		if s.given, err = config.ParseInputs(*input); err != nil {
			return fmt.Errorf("%w: -input: %w", wordcount.ErrInput, err)
		}
		if err := plan.Missing(s.given); err != nil {
			return err
		}
	}
	if length <= 0 || gap <= 0 {
		return fmt.Errorf("%w: -time=%s -every=%s: write durations above 0", wordcount.ErrInput, length, gap)
	}
	s.shown.Tell("storm of %s, a fault about every %s: -seed=%d", length, gap, number)
	if s.histories, err = experiment.NewHistories(); err != nil {
		return err
	}
	defer s.histories.Discard()
	return onAnyDisk(ctx, s, size64, func(e *experiment.Experiment) error {
		tally, err := e.Storm(ctx, chaos.Storm{Every: gap, Seed: uint64(number)}, length)
		err = errors.Join(err, show.Outlived(&show.Out, chaos.Faults, tally))
		if s.given != nil {
			size64 = e.Job.Planned().Manifest.Bytes
		}
		fmt.Fprintf(&show.Out, "%s of %s sealed and exact, %s: -seed=%d\n",
			show.Plural(tally.Sealed, "job"), humanize.IBytes(uint64(size64)), show.Checked(tally), number)
		return err
	})
}

// Properties of the job that is started for an attack. Small splits and slow workers make it take
// some seconds.
const (
	scratchBytes = 64 << 20
	scratchTasks = 64
	scratchSlow  = 150 * time.Millisecond // time for each task
	scratchLease = time.Second

	scratchDir   = "chaos"        // in the state folder
	scratchTexts = "chaos-texts-" // begins the names of the folders of texts
)

// onAnyDisk is onScratch for a job with a disk that may be filled, if this user can have one.
func onAnyDisk(ctx context.Context, s *session, bytes int64, do func(*experiment.Experiment) error) (err error) {
	if s.disk, err = chaos.NewDisk(); err == nil {
		defer s.disk.Close()
	} else {
		s.shown.Note("fillShuffle is left out: %v", err)
	}
	return onScratch(ctx, s, bytes, do)
}

// onScratch starts a job for experiments, and ends it and its server afterwards.
func onScratch(ctx context.Context, s *session, bytes int64, do func(*experiment.Experiment) error) (err error) {
	own, err := s.scratch(ctx, bytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
	e := own.experiment()
	defer e.End()
	if err := e.Start(ctx); err != nil {
		return err
	}
	return do(e)
}

// scratch returns a session for experiments, and writes the texts of its job, unless others are given.
// It has its own state folder and server, so that it doesn't disturb the jobs of this folder.
func (s *session) scratch(ctx context.Context, bytes int64) (*session, error) {
	c := s.config
	c.Dir = filepath.Join(s.config.Dir, scratchDir)
	c.Checkpoint, c.Lease = time.Second, scratchLease
	c.Faults = fmt.Sprintf("slow=%s:%d", scratchSlow, c.Workers)
	if s.disk != nil {
		c.Shuffle = s.disk.Path()
	} else if backend.InS3(c.Shuffle) { // faults of map outputs are those of files
		c.Shuffle = ""
	}
	if c.Inputs = s.given; s.given == nil {
		c.Exclude, c.Skip, c.Growing = nil, plan.Skip{}, false
		c.Split = bytes / scratchTasks
		dir := filepath.Join(s.config.Dir, fmt.Sprint(scratchTexts, bytes))
		if err := texts.Write(ctx, dir, corpus.Spec{Bytes: bytes}); err != nil {
			return nil, err
		}
		in, err := corpus.AsRecords(dir, c.Field)
		if err != nil {
			return nil, err
		}
		c.Inputs = []string{in}
	}
	own := attackerOf(config.Complete(c))
	own.disk, own.histories = s.disk, s.histories
	if err := own.open(ctx); err != nil {
		return nil, err
	}
	return own, nil
}

// cleanScratch deletes what experiments have left: their jobs, and their texts, which may be large.
func (s *session) cleanScratch(ctx context.Context) error {
	names, err := os.ReadDir(s.config.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range names {
		switch {
		case entry.Name() == scratchDir:
			c := s.config
			c.Dir = filepath.Join(s.config.Dir, scratchDir)
			err = Discard(ctx, c)
		case strings.HasPrefix(entry.Name(), scratchTexts):
			err = os.RemoveAll(filepath.Join(s.config.Dir, entry.Name()))
		default:
			continue
		}
		if err != nil {
			return err
		}
		s.shown.Say("clean", "%s deleted", filepath.Join(s.config.Dir, entry.Name()))
	}
	return nil
}
