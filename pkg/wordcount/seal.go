package wordcount

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// sumPage is how many different counts one call adds up: some ten milliseconds of the server.
const sumPage = 2000

// sealAgain is the pause between two tries to seal.
const sealAgain = 100 * time.Millisecond

// Seal watches the job until it is done, makes sure that the result is exact and lasts, and publishes it. If another
// supervisor of this folder is at it, it waits for that one, and takes its place should it die.
//
// Done is not "nothing pending" (nothing is before anything was delivered, and a rollback reopens a job) and not "the
// phase says so" either: see the package documentation.
func (s *Supervisor) Seal(ctx context.Context) (Sealed, error) {
	id := s.Plan.Job.ID
	unlock, err := s.lead(ctx)
	if err != nil {
		return Sealed{}, err
	}
	if unlock == nil { // sealed by the other one
		sealed, _, err := s.Folder.Sealed(id)
		return sealed, err
	}
	defer unlock()
	// The lock may be free because another one is done, and not because there was none or it died.
	if sealed, fresh, err := s.UpToDate(ctx); fresh || err != nil {
		return sealed, err
	}
	if err := s.Folder.Unpublish(id); err != nil {
		return Sealed{}, err
	}
	for {
		st, err := s.Watch(ctx, over)
		if err != nil {
			return Sealed{}, err
		}
		if st.Buried > 0 {
			return Sealed{}, s.buriedError(ctx, st)
		}
		sealed, err := s.seal(ctx)
		switch {
		case err == nil:
			return sealed, nil
		case ctx.Err() != nil:
			return Sealed{}, context.Cause(ctx)
		case errors.Is(err, errSave) && !errors.Is(err, ErrRedis): // which refuses for good
			s.Say("! %v; trying again", err)
		case errors.Is(err, ErrNoResult), errors.Is(err, errPhase), errors.Is(err, errNoJob), errors.Is(err, errOtherRun), passing(err):
			s.Say("! not sealed yet: %v", err)
		default:
			return Sealed{}, err
		}
		if err := sleep(ctx, sealAgain); err != nil {
			return Sealed{}, err
		}
	}
}

// over tells whether nothing more will happen by itself.
func over(st Status) bool {
	return st.Phase == "done" ||
		st.Buried > 0 && st.Pending() == 0 && (st.Mapped+st.Buried >= st.Maps && st.Phase == "map" ||
			st.Reduced+st.Buried >= st.Reducers && st.Phase == "reduce")
}

// stuck tells whether a job can't go on though it isn't over. Whatever happened, each task of the present phase waits in the
// stream, is pending, is done or was buried; a task that is none of these was taken away by somebody.
func stuck(st Status) bool {
	pending, waiting := st.PendingMaps, st.WaitingMaps
	if st.Phase != "map" {
		pending, waiting = st.PendingReduces, st.WaitingReduces
	}
	return !over(st) && len(pending) == 0 && !waiting
}

// lead returns when we are the folder's only supervisor of the job, or (nil) when another one has sealed it.
func (s *Supervisor) lead(ctx context.Context) (unlock func(), err error) {
	id := s.Plan.Job.ID
	var ok bool
	for range 10 { // somebody may only be asking whether there is one
		if unlock, ok, err = s.Folder.lock(id); ok || err != nil {
			return unlock, err
		}
		if err := sleep(ctx, pauseMin); err != nil {
			return nil, err
		}
	}
	s.Say("another supervisor is at work on job %s: watching, and adding workers", id)
	_, err = s.Watch(ctx, func(st Status) bool {
		if sealed, published, _ := s.Folder.Sealed(id); published && st.Released && sealed.Fence == st.Final {
			return true
		}
		unlock, ok, err = s.Folder.lock(id)
		return ok || err != nil
	})
	return unlock, err
}

// seal does the six steps, each of which a crash may follow.
func (s *Supervisor) seal(ctx context.Context) (Sealed, error) {
	end, err := s.final(ctx, s.run(), newNonce())
	if err == nil {
		err = s.complete(end)
	}
	if err != nil {
		return Sealed{}, err
	}
	fence := end.fence
	// From here on a rollback takes the fence away, and what is read under the fence can't change. So the result may be
	// read while the checkpoint is written.
	settled := make(chan error, 1)
	go func() { settled <- s.settle(ctx, fence) }()
	commits, err := s.commits(ctx, fence)
	if err == nil {
		err = covered(committedOf(commits), len(s.splits))
	}
	distinct := 0
	if err == nil {
		distinct, err = s.conserved(ctx, fence, uint64(end.tokens))
	}
	path, how := s.Plan.Manifest.Changed()
	if settleErr := <-settled; err == nil {
		err = settleErr
	}
	if err == nil { // is the fence still there, now that the checkpoint is complete?
		_, _, err = s.sum(ctx, fence, 0, 1)
	}
	if err != nil {
		return Sealed{}, err
	}
	if path != "" {
		return Sealed{}, fmt.Errorf("%w: %s: %s during the run: run again to count what it is now%s", ErrIncomplete, strconv.Quote(path), how, orPlanned(how))
	}
	sealed := Sealed{
		Run: s.run(), Fence: fence, Tokens: uint64(end.tokens), Distinct: distinct, Bytes: end.bytes,
		Files: len(s.Plan.Manifest.Files), Splits: len(s.splits), Redone: int(s.redone.Load()),
		At: time.Now().UTC().Truncate(time.Second), Durable: string(s.Durability),
		Skipped: s.Plan.Manifest.Skips(),
	}
	if err := s.Folder.Publish(s.Plan.Job.ID, sealed); err != nil {
		return Sealed{}, fmt.Errorf("publish result: %w", err)
	}
	s.tidy(ctx, fence)
	return sealed, nil
}

// tidy lets the workers go and drops what the result doesn't need. It is published by then, and a failure here must
// not take it back: the next run that finds it up to date tidies again.
func (s *Supervisor) tidy(ctx context.Context, fence string) {
	if err := s.release(ctx, fence); err == nil {
		s.discard(ctx, fence, int(s.TTL.Seconds()))
	}
}

// complete checks what the counters of a finished job say against the plan, and against each other.
func (s *Supervisor) complete(e ending) error {
	job, inPartitions := s.Plan.Job, e.tokens
	if job.Reducers == 0 {
		inPartitions = 0
	}
	for _, c := range []struct {
		what     string
		is, want int64
	}{
		{"maps are committed", e.mapped, int64(len(s.splits))},
		{"partitions are stored", e.reduced, int64(job.Reducers)},
		{"bytes are committed", e.bytes, s.Plan.Manifest.Bytes},
		{"words are in stored partitions", e.put, inPartitions},
	} {
		if c.is != c.want {
			return spoilt("the job is done, but its counters say that %d %s and not %d", c.is, c.what, c.want)
		}
	}
	return nil
}

// conserved adds up the whole result under its fence: the counts must come to the words that commits brought. It
// returns the number of distinct words.
func (s *Supervisor) conserved(ctx context.Context, fence string, tokens uint64) (distinct int, err error) {
	var total uint64
	for {
		words, sum, err := s.sum(ctx, fence, distinct, sumPage)
		if err != nil {
			return 0, err
		}
		if words == 0 {
			break
		}
		distinct, total = distinct+words, total+sum
	}
	if total != tokens {
		return 0, spoilt("the counts add up to %d, but %d words were committed", total, tokens)
	}
	return distinct, nil
}

// UpToDate returns the published result of the job if it still holds: the files are those of the manifest (or it would
// be another job), the fence is where we left it, and the counts add up.
func (s *Supervisor) UpToDate(ctx context.Context) (Sealed, bool, error) {
	sealed, ok, err := s.Folder.Sealed(s.Plan.Job.ID)
	if err != nil || !ok {
		return sealed, false, err
	}
	_, err = s.conserved(ctx, sealed.Fence, sealed.Tokens)
	if errors.Is(err, ErrNoResult) || errors.Is(err, errNoJob) || passing(err) {
		return sealed, false, nil
	}
	if err != nil {
		return sealed, false, err
	}
	s.tidy(ctx, sealed.Fence)
	sealed.Skipped = s.Plan.Manifest.Skips() // there may be other files by now that aren't counted
	return sealed, true, nil
}

// buriedError says which tasks were given up, and why.
func (s *Supervisor) buriedError(ctx context.Context, st Status) error {
	dead, err := Buried(ctx, s.Redis, s.Plan.Job)
	if err != nil {
		return err
	}
	if len(dead) == 0 { // requeued since
		return fmt.Errorf("%w: %d tasks were given up: run again", ErrIncomplete, st.Buried)
	}
	more := ""
	if len(dead) > 1 {
		more = fmt.Sprintf(" (and %d more: mage status)", len(dead)-1)
	}
	advice := "mend the cause, then: mage requeue run"
	switch {
	case strings.Contains(dead[0].Cause, errChanged.Error()):
		advice = "to count what it is now: mage requeue run" + orPlanned(dead[0].Cause) // requeue, for it may be again what it was
	case strings.Contains(dead[0].Cause, count.TooLong):
		advice = "is it no text? WORDCOUNT_SKIP=binary leaves out files with NUL bytes, WORDCOUNT_EXCLUDE any by name; then run again"
	}
	return fmt.Errorf("%w: %s%s; %d of %d maps are done; %s", ErrIncomplete, dead[0].Cause, more, st.Mapped, st.Maps, advice)
}
