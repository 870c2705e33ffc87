package targets

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// drainWithin bounds the end after Ctrl-C: Mage ends everything after five seconds.
const drainWithin = 4 * time.Second

func startRedis(ctx context.Context, s *session) error {
	if err := s.connect(ctx, true); err != nil {
		return err
	}
	return wordcount.CheckServer(ctx, s.rdb)
}

func loadFunctions(ctx context.Context, s *session) error {
	outcome, err := s.loadLibrary(ctx)
	if err != nil {
		return err
	}
	s.say("functions:load", "%s %v", wordcount.Library.Name, outcome)
	return nil
}

func seedStream(ctx context.Context, s *session) error {
	skipped := 0
	m, err := wordcount.Scan(s.config.Input, s.config.Dir, func(path, why string) {
		if skipped++; skipped <= 5 {
			s.say("stream:seed", "skipped %s: %s", strconv.Quote(path), why)
		}
	})
	if err != nil {
		return err
	}
	if skipped > 5 {
		s.say("stream:seed", "skipped %d more", skipped-5)
	}
	s.plan = wordcount.NewPlan(m, wordcount.Options{Split: s.config.Split, Reducers: s.config.Reducers})
	if err := s.folder.Save(s.plan); err != nil {
		return err
	}
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

func spawnWorkers(ctx context.Context, s *session) error {
	if s.sealed != nil {
		return nil
	}
	team, err := s.newTeam(ctx)
	if err != nil {
		return err
	}
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
	access, err := s.workerEndpoint(ctx)
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
		Size: s.config.Workers, Lease: s.config.Lease, Memory: s.config.WorkerMemory, Faults: faults, Job: s.plan.Job, Redis: endpoint, Command: workerCommand,
		Log: log, Say: s.note, Fail: s.stop,
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

// report prints the result: what was counted, the top words, and how to see more of it.
func (s *session) report(ctx context.Context) error {
	r, sealed := wordcount.Result{Redis: s.rdb, Job: s.plan.Job, Fence: s.sealed.Fence}, s.sealed
	redone := "nothing redone"
	if sealed.Redone > 0 {
		redone = fmt.Sprintf("%s redone, none counted twice", plural(sealed.Redone, "task"))
	}
	fmt.Printf("sealed  %s words, %s distinct, in %s files; %s; durability: %s\n", humanize.Comma(int64(sealed.Tokens)),
		humanize.Comma(int64(sealed.Distinct)), humanize.Comma(int64(sealed.Files)), redone, sealed.Durable)
	if err := printTop(r.Entries(ctx), 10); err != nil {
		return err
	}
	s.note("sorted set: %s zrevrange '%s' 0 9 withscores", s.redisCLI(), s.plan.Job.Key("counts"))
	return nil
}

// redisCLI is a command that reaches the server without showing its password.
func (s *session) redisCLI() string {
	e := s.server.Endpoint()
	if !s.server.Owned() {
		return "redis-cli -u \"$REDIS_URL\""
	}
	host, port, _ := strings.Cut(s.server.Addr, ":")
	return fmt.Sprintf("REDISCLI_AUTH=\"$(cat %s)\" redis-cli -h %s -p %s", quoted(e.PasswordFile), host, port)
}

// quoted is a path as a shell takes it.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return humanize.Comma(int64(n)) + " " + what + "s"
}

func printTop(words entries, n int) error {
	for e, err := range words {
		if err != nil {
			return err
		}
		if n--; n < 0 {
			break
		}
		fmt.Printf("%12s  %s\n", humanize.Comma(int64(e.N)), printable(e.Word))
	}
	return nil
}

// printable is a word as it is if a terminal can show it, and quoted if not.
func printable(word string) string {
	if q := strconv.Quote(word); q != `"`+word+`"` {
		return q
	}
	return word
}

func verify(ctx context.Context, s *session) error {
	return s.verify(ctx, s.plan, *s.sealed)
}

// verify recounts the files of a sealed job, and compares.
func (s *session) verify(ctx context.Context, plan wordcount.Plan, sealed wordcount.Sealed) error {
	bar := newProgress(os.Stderr)
	bar.total = plan.Manifest.Bytes
	verdict, err := wordcount.Verify(ctx, plan.Manifest, wordcount.Result{Redis: s.rdb, Job: plan.Job, Fence: sealed.Fence},
		func(bytes int64) { bar.advance("recount", bytes) })
	bar.finish()
	if err != nil {
		return err
	}
	if verdict.Exact() {
		fmt.Printf("exact: %s distinct, 0 missing, 0 surplus, 0 different\n", humanize.Comma(int64(verdict.Distinct)))
		return nil
	}
	for _, d := range verdict.First {
		fmt.Printf("  %s: %d by a serial count, %d in the result\n", printable(d.Word), d.Want, d.Got)
	}
	return fmt.Errorf("%w: %d distinct, %d missing, %d surplus, %d different: please report this", wordcount.ErrDifferent,
		verdict.Distinct, verdict.Missing, verdict.Surplus, verdict.Different)
}
