package targets

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// drainWithin bounds the end after Ctrl-C: Mage ends everything after five seconds.
const drainWithin = 4 * time.Second

func startRedis(ctx context.Context, s *session) error {
	if err := redisd.CheckFolder(s.config.Dir); err != nil {
		return err
	}
	if err := s.connect(ctx, true); err != nil {
		return err
	}
	var risk string
	err := s.persist(ctx, func() (err error) {
		risk, err = wordcount.CheckServer(ctx, s.rdb)
		return err
	})
	if risk != "" {
		s.say("redis:start", "! %s", risk)
	}
	return err
}

func loadFunctions(ctx context.Context, s *session) error {
	var outcome redisfn.Outcome
	err := s.persist(ctx, func() (err error) {
		outcome, err = s.loadLibrary(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.say("functions:load", "%s %v", wordcount.Library.Name, outcome)
	return nil
}

func seedStream(ctx context.Context, s *session) error {
	if s.config.taken != "" {
		s.say("stream:seed", "going on with the last run: %s; name an input to count another", s.config.taken)
	}
	plan, err := s.newPlan()
	if err != nil {
		return err
	}
	plan = s.resumed(plan)
	for _, skipped := range plan.Manifest.Skips() {
		s.say("stream:seed", "skipped %v", skipped)
	}
	if err := s.folder.Save(plan); err != nil {
		return err
	}
	s.plan = plan
	s.sup = &wordcount.Supervisor{
		Redis: s.rdb, Plan: s.plan, Folder: s.folder, Durability: s.config.Durability, Every: s.config.Checkpoint,
		Revive: s.revive, Say: s.note, Seen: s.shown.update,
	}
	if !s.server.Owned() {
		s.sup.TTL, s.sup.Budget = givenTTL, s.config.Memory
	} else {
		s.sup.Saved = s.keep
	}
	s.sup.Prepare()
	m := plan.Manifest
	s.shown.total = m.Bytes
	what := fmt.Sprintf("job %s: %s files, %s, %s splits", s.plan.Job.ID, humanize.Comma(int64(len(m.Files))),
		humanize.IBytes(uint64(m.Bytes)), humanize.Comma(int64(s.sup.Maps())))
	sealed, fresh, err := s.sup.UpToDate(ctx)
	if err != nil {
		return err
	}
	if fresh {
		s.sealed = &sealed
		s.say("stream:seed", "%s: up to date, sealed %s", what, sealed.At.Local().Format(time.DateTime))
		return nil
	}
	if err := s.sup.Seed(ctx); err != nil {
		return err
	}
	s.say("stream:seed", "%s", what)
	return nil
}

// newPlan looks at the input of this configuration, and plans its job.
func (s *session) newPlan() (wordcount.Plan, error) {
	o := s.config.options()
	m, err := wordcount.Scan(s.config.Input, s.config.Dir, o.Selection)
	if err != nil {
		return wordcount.Plan{}, err
	}
	return wordcount.NewPlan(m, o), nil
}

// resumed is the plan of the folder's last job, if that isn't finished and differs from the new plan by nothing but what its
// files have grown since; else the new plan.
func (s *session) resumed(plan wordcount.Plan) wordcount.Plan {
	if !plan.Options.Growing {
		return plan
	}
	earlier, err := s.folder.Last()
	if err != nil || earlier.Job == plan.Job || !plan.Resumes(earlier) {
		return plan
	}
	if _, sealed, err := s.folder.Sealed(earlier.Job.ID); sealed || err != nil {
		return plan
	}
	s.say("stream:seed", "files have grown since job %s was planned: it goes on as planned", earlier.Job.ID)
	earlier.Manifest.Skipped = plan.Manifest.Skipped
	return earlier
}

func spawnWorkers(ctx context.Context, s *session) error {
	if s.sealed != nil {
		return nil
	}
	return s.spawn(ctx, s.sup.Trust())
}

// spawn starts a team for the session's job.
func (s *session) spawn(ctx context.Context, trust wordcount.Trust) error {
	team, err := s.newTeam(ctx)
	if err != nil {
		return err
	}
	team.Trust = trust
	team.Release, team.Progress = s.sup.Release, s.sup.Progress
	if err := team.Start(s.background); err != nil {
		return err
	}
	s.team, s.shown.team = team, team
	s.say("workers:spawn", "%d workers: %s", team.Size, strings.Trim(fmt.Sprint(team.PIDs()), "[]"))
	return nil
}

// newTeam makes the team of this configuration; its failure ends what goes on in the background.
func (s *session) newTeam(ctx context.Context) (*wordcount.Team, error) {
	faults, err := wordcount.ParseFaults(s.config.Faults)
	if err != nil {
		return nil, err
	}
	var access redisd.Endpoint
	err = s.persist(ctx, func() error {
		access, err = s.workerEndpoint(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	endpoint, err := json.Marshal(access)
	if err != nil {
		return nil, err
	}
	log, err := s.workersLog()
	if err != nil {
		return nil, err
	}
	return &wordcount.Team{
		Size: s.config.Workers, Lease: s.config.Lease, Memory: s.config.WorkerMemory, Faults: faults, Job: s.plan.Job,
		Redis: endpoint, Command: workerCommand, Log: log, Say: s.note, Fail: s.stop,
	}, nil
}

func checkpointLoop(ctx context.Context, s *session) error {
	if s.sealed != nil {
		return nil
	}
	if s.config.Durability != wordcount.BGSave {
		s.say("checkpoint:loop", "none: durability is %s", s.config.Durability)
		return nil
	}
	s.loop.Go(func() { s.sup.Checkpoints(s.background) })
	s.say("checkpoint:loop", "every %s", s.config.Checkpoint)
	return nil
}

// seal waits for the job, seals it, and only then lets the workers go.
func seal(ctx context.Context, s *session) error {
	if s.sealed == nil {
		sealed, err := s.attend(ctx, func(ctx context.Context) (wordcount.Sealed, error) { return s.sup.Seal(ctx) })
		if err != nil {
			return err
		}
		s.sealed = &sealed
	}
	return s.report(ctx)
}

// attend waits for something while the background works, ends the background with it, and drains if interrupted.
func (s *session) attend(ctx context.Context, wait func(context.Context) (wordcount.Sealed, error)) (wordcount.Sealed, error) {
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(s.background, func() { cancel(context.Cause(s.background)) })
	defer unhook()
	sealed, err := wait(waiting)
	s.shown.finish()
	if ctx.Err() != nil {
		s.note("interrupted: workers finish what they have in hand")
	}
	deadline, done := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer done()
	switch {
	case s.team == nil:
	case err == nil:
		s.team.Dismiss()
	default:
		s.team.Stop()
	}
	s.stop(nil)
	s.loop.Wait()
	if ctx.Err() != nil && s.config.Durability == wordcount.BGSave {
		if err := s.sup.Checkpoint(deadline); err != nil {
			s.note("! %v", err)
		}
	}
	return sealed, err
}

func verify(ctx context.Context, s *session) error {
	return s.verify(ctx, s.plan, *s.sealed)
}
