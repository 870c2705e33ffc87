package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/retry"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// sumPage is how many different counts one call adds up. It blocks the server for about ten
// milliseconds.
const sumPage = 2000

// sealAgain is the pause between two tries to seal.
const sealAgain = 100 * time.Millisecond

// Seal watches the job until it is done, makes sure that the result is exact and durable, and
// publishes it. If another supervisor of this folder does so already, Seal waits for it, and
// continues in its place if it dies.
//
// "Nothing is pending" doesn't mean done: nothing is pending before the first delivery, and a
// rollback reopens a job. "The phase says so" doesn't mean done either. See the package
// documentation.
func (s *Supervisor) Seal(ctx context.Context) (state.Sealed, error) {
	id := s.config.Plan.Job.ID
	unlock, err := s.lead(ctx)
	if err != nil {
		return state.Sealed{}, err
	}
	if unlock == nil { // the other supervisor has sealed it
		sealed, _, err := s.config.Folder.Sealed(id)
		return sealed, err
	}
	defer unlock()
	// The lock may be free because another supervisor has finished, and not because there was none
	// or it died.
	if sealed, fresh, err := s.UpToDate(ctx); fresh || err != nil {
		return sealed, err
	}
	if err := s.config.Folder.Unpublish(id); err != nil {
		return state.Sealed{}, err
	}
	if s.config.Joined != nil {
		s.watcher.joined = s.config.Joined()
	}
	var losses losses
	told := "" // the same reason is told once, however often sealing is tried again
	warn := func(format string, err error) {
		if err.Error() != told {
			told = err.Error()
			s.config.Events.Warn(format, err)
		}
	}
	for {
		st, err := s.Watch(ctx, protocol.Status.Over)
		if err != nil {
			return state.Sealed{}, err
		}
		if st.Buried > 0 {
			return state.Sealed{}, incomplete(ctx, s.client, st)
		}
		// A job may be done before the watch has weighed it, because an earlier run did the work.
		if err := s.watcher.budget.checkNow(ctx); err != nil {
			return state.Sealed{}, err
		}
		sealed, err := s.seal(ctx)
		switch {
		case err == nil:
			return sealed, nil
		case ctx.Err() != nil:
			return state.Sealed{}, context.Cause(ctx)
		case errors.Is(err, shuffle.ErrLostResult):
			warn("not sealed yet: %v", err)
			if err := s.endure(ctx, &losses, err); err != nil {
				return state.Sealed{}, err
			}
		// The next try may succeed, unless Redis refuses for good.
		case errors.Is(err, checkpoint.ErrFailed) && !errors.Is(err, protocol.ErrRedis):
			warn("%v; trying again", err)
		case errors.Is(err, protocol.ErrNoResult), errors.Is(err, protocol.ErrPhase), errors.Is(err, protocol.ErrNoJob), errors.Is(err, protocol.ErrOtherRun), protocol.Transient(err):
			warn("not sealed yet: %v", err)
		default:
			return state.Sealed{}, err
		}
		if err := retry.Sleep(ctx, sealAgain); err != nil {
			return state.Sealed{}, err
		}
	}
}

// lead returns when this is the folder's only supervisor of the job. It returns a nil unlock when
// another supervisor has sealed the job.
func (s *Supervisor) lead(ctx context.Context) (unlock func(), err error) {
	id := s.config.Plan.Job.ID
	var ok bool
	for range 10 { // another process may hold the lock only to see whether it is free
		if unlock, ok, err = s.config.Folder.Lock(id); ok || err != nil {
			return unlock, err
		}
		if err := retry.Sleep(ctx, retry.Min); err != nil {
			return nil, err
		}
	}
	s.config.Events.Info("another supervisor is at work on job %s: watching, and adding workers", id)
	var noLock error
	_, err = s.Watch(ctx, func(st protocol.Status) bool {
		if sealed, published, _ := s.config.Folder.Sealed(id); published && st.Dismissed && sealed.Fence == st.Final {
			return true
		}
		unlock, ok, noLock = s.config.Folder.Lock(id)
		return ok || noLock != nil
	})
	return unlock, cmp.Or(err, noLock)
}

// seal does the steps of sealing, one after the other. A crash may follow each of them.
func (s *Supervisor) seal(ctx context.Context) (state.Sealed, error) {
	if err := s.fill(ctx); err != nil {
		return state.Sealed{}, err
	}
	end, err := s.client.Fence(ctx, s.seeder.run(), protocol.NewNonce())
	if err == nil {
		err = s.complete(end)
	}
	if err != nil {
		return state.Sealed{}, err
	}
	fence := end.Fence
	// From here on a rollback removes the fence, and what is read under the fence can't change. So
	// the result can be read while the checkpoint is written.
	settled := make(chan error, 1)
	go func() { settled <- s.saver.MakeDurable(ctx, s.config.Durability, s.seeder.run(), fence) }()
	distinct := 0
	commits, tally, err := s.covered(ctx, fence)
	if err == nil {
		distinct, err = s.conserved(ctx, s.seeder.run(), fence, uint64(end.Tokens))
	}
	changed := s.config.Plan.Manifest.Changed()
	if settleErr := <-settled; err == nil {
		err = settleErr
	}
	if err == nil { // the checkpoint is complete: does the fence still stand?
		_, _, err = s.client.Sum(ctx, fence, 0, 1)
	}
	if err != nil {
		return state.Sealed{}, err
	}
	if changed != nil {
		return state.Sealed{}, &ChangedInputError{changed}
	}
	sealed := state.Sealed{
		Run: s.seeder.run(), Fence: fence, Tokens: uint64(end.Tokens), Distinct: distinct, Bytes: end.Bytes,
		Files: len(s.config.Plan.Manifest.Files), Splits: len(s.seeder.splits), Redone: int(s.watcher.redone.Load()),
		At: time.Now().UTC().Truncate(time.Second), Durable: string(s.config.Durability),
		Skipped: s.config.Plan.Manifest.Skips(),
		Tally:   tally,
	}
	if err := s.config.Folder.Publish(s.config.Plan.Job.ID, sealed); err != nil {
		return state.Sealed{}, fmt.Errorf("publish result: %w", err)
	}
	s.watcher.joined.End(ctx)
	s.record(sealed, commits)
	s.tidy(ctx, sealed)
	return sealed, nil
}

// record writes down what was sealed, and which map outputs it is made of.
func (s *Supervisor) record(sealed state.Sealed, commits []protocol.Output) {
	if len(commits) > 0 { // else another supervisor has discarded them
		names := make([]string, 0, len(commits))
		for _, c := range commits {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		s.config.Events.Write(event.Outputs, slog.Any("names", names))
	}
	s.config.Events.Write(event.Sealed, slog.Uint64("words", sealed.Tokens), slog.Int("distinct", sealed.Distinct),
		slog.Int("redone", sealed.Redone))
}

// covered checks that the commits of a job have each task once, and adds up their tallies. With
// reducers, each of them has checked it, too, before it merged anything. Another supervisor may have
// sealed such a job, and discarded its outputs: then there are no commits.
func (s *Supervisor) covered(ctx context.Context, fence string) (commits []protocol.Output, tally protocol.Tally, err error) {
	commits, left, err := s.client.Fenced(ctx, fence)
	switch {
	case err != nil:
		return nil, tally, err
	case left != nil && s.config.Plan.Job.Reducers > 0:
		return nil, *left, nil
	}
	for _, c := range commits {
		tally.Add(c.Tally)
	}
	err = protocol.Covered(commits, len(s.seeder.splits))
	return commits, tally, err
}

// tidy dismisses the workers, and drops what the result doesn't need. The result is published by
// then, and a failure here must not undo that. The next run that finds the result up to date tidies
// again.
func (s *Supervisor) tidy(ctx context.Context, sealed state.Sealed) {
	if err := s.client.Dismiss(ctx, sealed.Fence); err != nil {
		return
	}
	if err := s.client.Discard(ctx, sealed.Fence, int(s.config.TTL.Seconds()), sealed.Tally); err == nil {
		s.seeder.place.Discard(ctx, sealed.Run)
	}
}

// complete compares the counters of a finished job with the plan, and with each other.
func (s *Supervisor) complete(e protocol.Ending) error {
	job, inPartitions := s.config.Plan.Job, e.Tokens
	if job.Reducers == 0 {
		inPartitions = 0
	}
	for _, c := range []struct {
		what     string
		is, want int64
	}{
		{"maps are committed", e.Mapped, int64(len(s.seeder.splits))},
		{"partitions are stored", e.Reduced, int64(job.Reducers)},
		{"bytes are committed", e.Bytes, s.config.Plan.Manifest.Bytes},
		{"words are in stored partitions", e.Stored, inPartitions},
	} {
		if c.is != c.want {
			return protocol.Damaged("the job is done, but its counters say that %d %s and not %d", c.is, c.what, c.want)
		}
	}
	return nil
}

// conserved adds up the whole result of a run under its fence. The sum must equal the number of words
// that commits brought. It returns the number of distinct words.
func (s *Supervisor) conserved(ctx context.Context, run, fence string, tokens uint64) (distinct int, err error) {
	if s.client.Job.Keep > 0 {
		return s.conservedInFiles(ctx, run, fence, tokens)
	}
	distinct, total, err := s.addUp(ctx, fence)
	if err == nil && total != tokens {
		err = protocol.Damaged("the counts add up to %d, but %d words were committed", total, tokens)
	}
	return distinct, err
}

// addUp returns how many words are in the sorted set, and the sum of their counts.
func (s *Supervisor) addUp(ctx context.Context, fence string) (distinct int, total uint64, err error) {
	for {
		words, sum, err := s.client.Sum(ctx, fence, distinct, sumPage)
		if err != nil || words == 0 {
			return distinct, total, err
		}
		distinct, total = distinct+words, total+sum
	}
}

// UpToDate returns the published result of the job if it is still valid. The files are those of the
// manifest, because other files would make another job. The fence must still stand, and the counts
// must add up.
func (s *Supervisor) UpToDate(ctx context.Context) (state.Sealed, bool, error) {
	sealed, ok, err := s.config.Folder.Sealed(s.config.Plan.Job.ID)
	if err != nil || !ok {
		return sealed, false, err
	}
	_, err = s.conserved(ctx, sealed.Run, sealed.Fence, sealed.Tokens)
	if errors.Is(err, protocol.ErrNoResult) || errors.Is(err, protocol.ErrNoJob) || protocol.Transient(err) ||
		errors.Is(err, shuffle.ErrLostResult) || errors.Is(err, shuffle.ErrHost) {
		return sealed, false, nil
	}
	if err != nil {
		return sealed, false, err
	}
	s.tidy(ctx, sealed)
	// There may be other files now that aren't counted.
	sealed.Skipped = s.config.Plan.Manifest.Skips()
	return sealed, true, nil
}
