package wordcount

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/metrics"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/pool"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/relay"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// drainWithin bounds the checkpoint that an interrupted run takes. Mage ends everything five
// seconds after Ctrl-C.
const drainWithin = 4 * time.Second

// Job is one count of one input. Run does all steps. The other methods are the steps, for a program
// that does something between them. Each step may be repeated, and after any step another process
// may continue.
//
// A Job is for one goroutine. But from its event of StepWorkers on, and until the result is sealed, any
// goroutine may call Status and Living.
type Job struct {
	config  Config
	folder  state.Folder
	conn    connection
	plan    plan.Plan
	sup     *supervisor.Supervisor
	sealed  *Sealed
	workers workers
	log     io.Closer       // what worker processes write to standard error
	metrics *metrics.Server // nil: nobody wants them
	leave   func()          // lets the job be deleted in this folder; nil: this Job doesn't use one
	journal *event.Journal
	sender  *relay.Sender // of a host that joins; nil: this one doesn't

	// background is for what runs between steps: the workers and the checkpoints. stop ends it,
	// with a cause.
	background context.Context
	stop       context.CancelCauseFunc
	loop       sync.WaitGroup
	progress   atomic.Int64 // of a job that another supervisor sees through
}

// Open prepares a job. It starts nothing, and checks only the rights of the state folder. The error
// is ErrNoMain if the program can't start workers. It wraps ErrInput if the fields of c contradict each
// other: for example, if Client is set without InProcess, if there are Faults with InProcess, or if
// there are more Faults than Workers.
func Open(ctx context.Context, c Config) (*Job, error) {
	switch {
	case c.Client != nil && !c.InProcess:
		return nil, fmt.Errorf("%w: worker processes can't use a ready client: set InProcess, or give an address", ErrInput)
	case !c.InProcess && !mainCalled.Load():
		return nil, ErrNoMain
	}
	if c.Keep < 0 || c.Keep > 0 && c.Direct {
		return nil, fmt.Errorf("%w: to keep %d words needs reducers: without them all words are in the sorted set", ErrInput, c.Keep)
	}
	counting, err := c.Counting()
	if err == nil {
		err = counting.Check()
	}
	if err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	switch {
	case len(c.Faults) > c.Workers:
		return nil, fmt.Errorf("%w: there are %d faults for %d workers: a worker can have one at most", ErrInput, len(c.Faults), c.Workers)
	case c.InProcess && len(c.Faults) > 0:
		return nil, fmt.Errorf("%w: faults need worker processes: a crash of a goroutine ends the whole program", ErrInput)
	}
	if err := redisd.CheckFolder(c.Dir); err != nil {
		return nil, err
	}
	if c.History == nil {
		if c.History, err = history.FromEnvironment(); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInput, history.Variable, err)
		}
	}
	j := &Job{config: c, folder: state.Folder{Dir: c.Dir}}
	j.conn = connection{config: c.Server, name: c.Name, rdb: c.Client, record: c.History, calls: new(protocol.Calls), tell: func(line string) { j.event(StepServer, "%s", line) }}
	j.begin()
	return j, nil
}

func (j *Job) begin() { j.background, j.stop = context.WithCancelCause(context.Background()) }

// beginAgain begins anew what an earlier run has ended.
func (j *Job) beginAgain() {
	if j.background.Err() != nil {
		j.begin()
	}
}

// event reports something about a step. A text that begins with "! " is a warning.
func (j *Job) event(step Step, format string, args ...any) {
	text, warning := strings.CutPrefix(fmt.Sprintf(format, args...), "! ")
	j.tell(Event{step, event.Event{Warning: warning, Text: text}})
}

// running reports what happens while the job runs.
func (j *Job) running(e event.Event) { j.tell(Event{Event: e}) }

// tell writes an event down, and tells people of it if it is for them.
func (j *Job) tell(e Event) {
	j.journal.Receive(e.Event)
	j.sender.Hurry() // what a host tells of its workers is rare
	if j.config.Events != nil && e.Text != "" {
		j.config.Events(e)
	}
}

// Run counts the input exactly. If ctx ends, the workers commit what they have in hand, Run takes a
// checkpoint and returns an error, and the next Run resumes from there.
func (j *Job) Run(ctx context.Context) (*Result, error) {
	for _, step := range []func(context.Context) error{j.Connect, j.Load, j.Seed, j.Spawn, j.Checkpoints} {
		if err := step(ctx); err != nil {
			j.halt()
			return nil, err
		}
	}
	return j.Seal(ctx)
}

// Connect makes the server answer. It refuses a server that could lose the job's keys without a
// crash, or that can't make the result durable in the way that Config.Durability asks for.
func (j *Job) Connect(ctx context.Context) error {
	if err := j.conn.open(ctx, true); err != nil {
		return err
	}
	var risk string
	err := j.conn.do(ctx, func() (err error) {
		if risk, err = supervisor.CheckServer(ctx, j.conn.rdb); err != nil {
			return err
		}
		return checkpoint.Check(ctx, j.conn.rdb, j.config.Durability)
	})
	if risk != "" {
		j.event(StepServer, "! %s", risk)
	}
	return err
}

// Load loads the functions.
func (j *Job) Load(ctx context.Context) error {
	return j.conn.do(ctx, func() error {
		outcome, err := j.conn.load(ctx)
		if err == nil {
			j.event(StepFunctions, "%s %v", protocol.Library.Name, outcome)
		}
		return err
	})
}

// Plan scans the inputs, and plans the job. If Config.Growing is set, it may resume the last job of
// this folder instead. It does so if that job isn't sealed, and if the input differs from its plan
// only because files have grown.
func (j *Job) Plan(ctx context.Context) error {
	m, err := plan.Scan(ctx, j.config.Inputs, j.config.Dir, j.config.Options)
	if err != nil {
		return err
	}
	j.plan = plan.New(m, j.config.Options)
	if !j.config.Growing {
		return nil
	}
	earlier, err := j.folder.Last()
	if err != nil || earlier.Job == j.plan.Job || !j.plan.Resumes(earlier) {
		return nil
	}
	if _, sealed, err := j.folder.Sealed(earlier.Job.ID); sealed || err != nil {
		return nil
	}
	j.event(StepSeed, "files have grown since job %s was planned: it goes on as planned", earlier.Job.ID)
	earlier.Manifest.Skipped = m.Skipped
	j.plan = earlier
	return nil
}

// Seed plans the job and puts its tasks into the stream. If the result of the same input is
// published already, there is nothing to do, and the later steps do nothing.
func (j *Job) Seed(ctx context.Context) (err error) {
	j.beginAgain()
	j.sealed = nil
	if err := j.Plan(ctx); err != nil {
		return err
	}
	if err := j.use(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil || j.sealed != nil {
			j.unuse()
		}
	}()
	for _, skipped := range j.plan.Manifest.Skips() {
		j.event(StepSeed, "skipped %v", skipped)
	}
	if err := j.folder.Save(j.plan); err != nil {
		return err
	}
	if err := j.conn.remember(j.folder, j.plan.Job.ID); err != nil {
		return err
	}
	store, err := j.config.store()
	if err != nil {
		return err
	}
	c := supervisor.Config{
		Redis: j.conn.rdb, Plan: j.plan, Folder: j.folder, Store: store, Durability: j.config.Durability, Every: j.config.Checkpoint,
		Revive: j.conn.revive, Events: j.running, Seen: j.seen,
	}
	if j.conn.owned() || j.config.JoinedEvents {
		c.Joined = func() *relay.Listener { return relay.NewListener(j.client(), j.journal) }
	}
	if j.conn.owned() {
		c.Saved = func() error { return j.conn.keep(j.plan.Job.ID) }
	} else {
		c.TTL, c.Budget = givenTTL, j.config.Memory
	}
	j.sup = supervisor.New(c)
	m := j.plan.Manifest
	what := fmt.Sprintf("job %s: %s, %s, %s", j.plan.Job.ID, plural(len(m.Files), "file"), humanize.IBytes(uint64(m.Bytes)), plural(j.sup.Maps(), "split"))
	sealed, fresh, err := j.sup.UpToDate(ctx)
	if err != nil {
		return err
	}
	if fresh {
		j.sealed = &sealed
		j.event(StepSeed, "%s: up to date, sealed %s", what, sealed.At.Local().Format(time.DateTime))
		return nil
	}
	j.journal.Close()
	if j.journal, err = beginJournal(j.folder, j.plan.Job.ID); err != nil {
		return err
	}
	j.journal.Write(event.Begin, beginning(j.plan, j.sup.Maps(), j.config.Workers)...)
	if err := j.sup.Seed(ctx); err != nil {
		return err
	}
	if st, err := j.Status(ctx); err == nil && st.Done() > 0 {
		what += fmt.Sprintf("; resumed with %d of %d tasks done", st.Done(), st.Maps+st.Reducers)
	}
	j.event(StepSeed, "%s", what)
	return nil
}

// plural returns a number of things: 1 file, 2 files.
func plural(n int, what string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(n, what, "")
}

// Spawn starts the workers, and keeps them alive until the job is sealed.
func (j *Job) Spawn(ctx context.Context) error {
	if j.sealed != nil {
		return nil
	}
	store, err := j.sup.Store()
	if err != nil {
		return err
	}
	if err := j.serveMetrics(); err != nil {
		return err
	}
	deserted := func(ctx context.Context) error { return j.sup.Deserted(ctx, j.config.Lease) }
	return j.spawn(ctx, j.sup.Trust(), store, j.sup.Progress, j.sup.Release, deserted)
}

// spawn starts workers. store is where the map outputs are. The functions are those of the pool:
// release gives back the leases of a worker that ended.
func (j *Job) spawn(ctx context.Context, trust plan.Trust, store string, progress func() int64,
	release func(context.Context, string, bool) (int, error), deserted func(context.Context) error) error {
	spec := worker.Spec{
		Job: j.plan.Job, Lease: j.config.Lease, Memory: j.config.WorkerMemory, Trust: trust, Store: store,
		Journal: j.folder.Events(j.plan.Job.ID),
	}
	spec.Budget = j.budget()
	if j.config.InProcess {
		j.workers = &goroutines{rdb: j.conn.rdb, spec: spec, size: j.config.Workers, fail: j.stop}
	} else {
		var err error
		if spec.Server, err = j.conn.workers(ctx, j.plan.Job); err != nil {
			return err
		}
		log, err := j.folder.WorkersLog(j.plan.Job.ID)
		if err != nil {
			return err
		}
		j.log = log
		counting, err := plan.ParseCounting(j.plan.Job.Counting)
		if err != nil {
			return err
		}
		j.workers = &pool.Pool{
			Size: j.config.Workers, Worker: spec, Faults: j.config.Faults, Log: log,
			Command: func() *exec.Cmd { return ForWords(Program(roleWorker), counting.Words.Words()) },
			Events:  j.running, Fail: j.stop, Progress: progress, Release: release, Deserted: deserted,
		}
	}
	if err := j.workers.Start(j.background); err != nil {
		return err
	}
	what := ""
	if pids := j.workers.PIDs(); len(pids) > 0 {
		what = ": " + strings.Trim(fmt.Sprint(pids), "[]")
	}
	j.event(StepWorkers, "%s%s", plural(j.config.Workers, "worker"), what)
	return nil
}

// budget is the memory of a given server that the job may take.
func (j *Job) budget() protocol.Budget {
	if j.conn.owned() {
		return protocol.Budget{}
	}
	return protocol.Budget{Bytes: j.config.Memory, Callers: j.config.Workers}
}

// client asks Redis about the job.
func (j *Job) client() protocol.Client {
	return protocol.Client{Redis: j.conn.rdb, Job: j.plan.Job, Budget: j.budget()}
}

// Checkpoints takes a checkpoint at regular intervals in the background, until the job is sealed.
func (j *Job) Checkpoints(context.Context) error {
	switch {
	case j.sealed != nil:
	case j.config.Durability != BGSave:
		j.event(StepCheckpoints, "none: durability is %s", j.config.Durability)
	default:
		j.loop.Go(func() { j.sup.Checkpoints(j.background) })
		j.event(StepCheckpoints, "every %s", j.config.Checkpoint)
	}
	return nil
}

// Seal waits until the job is done, makes sure that its result is exact and durable, and publishes
// it. Only then does it dismiss the workers.
func (j *Job) Seal(ctx context.Context) (*Result, error) {
	if j.sealed == nil {
		err := j.attend(ctx, func(ctx context.Context) error {
			sealed, err := j.sup.Seal(ctx)
			j.sealed = &sealed
			return err
		})
		if err != nil {
			j.sealed = nil
			return nil, err
		}
		if err := j.conn.record.Note(history.Sealed, j.plan.Job.ID, j.sealed.Run, j.sealed.Fence); err != nil {
			return nil, err
		}
	}
	return newResult(j), nil
}

// Attend waits until another supervisor has sealed the job. Meanwhile the work of Spawn and
// Checkpoints continues. The error is that of Seal if the job can't be completed.
func (j *Job) Attend(ctx context.Context) error {
	if j.sealed != nil {
		return nil
	}
	return j.attend(ctx, j.sup.Await)
}

// attend calls wait while the background runs, and ends the background after that. If ctx ended, it
// also takes a checkpoint.
func (j *Job) attend(ctx context.Context, wait func(context.Context) error) error {
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	background := j.background // the next run begins another, and may do so before the function ends
	unhook := context.AfterFunc(background, func() { cancel(context.Cause(background)) })
	defer unhook()
	err := wait(waiting)
	if err != nil {
		j.journal.Write(event.End, slog.String("why", err.Error()))
	}
	if ctx.Err() != nil {
		j.event("", "interrupted: workers finish what they have in hand")
	}
	deadline, done := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer done()
	if err == nil && j.workers != nil {
		j.workers.Dismiss()
	}
	j.halt()
	if err != nil && j.sup != nil {
		j.sup.Leave(deadline)
	}
	if ctx.Err() != nil && j.sup != nil && j.config.Durability == BGSave {
		if err := j.sup.Checkpoint(deadline); err != nil {
			j.event("", "! %v", err)
		}
	}
	return err
}

// halt ends the background, and returns when it has ended.
func (j *Job) halt() {
	if j.workers != nil {
		j.workers.Stop()
	}
	if j.log != nil {
		j.log.Close()
		j.log = nil
	}
	j.closeMetrics()
	j.stop(nil)
	j.loop.Wait()
	j.journal.Close()
	j.journal = nil
	j.unuse()
}

// use keeps the job from being deleted in this folder. It waits for a deletion that is under way.
func (j *Job) use(ctx context.Context) error {
	j.unuse()
	for {
		leave, ok, err := j.folder.Use(j.plan.Job.ID)
		if ok || err != nil {
			j.leave = leave
			return err
		}
		if err := retry.Sleep(ctx, retry.Min); err != nil {
			return err
		}
	}
}

func (j *Job) unuse() {
	if j.leave != nil {
		j.leave()
		j.leave = nil
	}
}

// Close ends the background, and closes what Open and the steps opened. The server keeps running.
func (j *Job) Close() error {
	j.halt()
	return j.conn.close()
}
