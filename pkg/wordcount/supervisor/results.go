package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

const (
	// fillWords is how many words one call puts into the sorted set. They pass through Lua, where
	// they take twice as long as in package worker.
	fillWords = 5000
	// fillBytes is about how many bytes of words one call has at most.
	fillBytes = 1 << 20
	// resultTries is how often result files are read before one of them counts as lost.
	resultTries = 3
	// anewMax is how often a job begins anew because of lost result files. A disk that ruins whatever
	// it gets would make it go round for ever.
	anewMax = 3
)

// fill puts the most frequent words into the sorted set of a job that keeps N words. It returns when
// they are all there, whoever has put them there.
//
// That is before the fence. If a rollback came between two calls under the fence, the fence would stay
// and the words would be gone.
func (s *Supervisor) fill(ctx context.Context) error {
	if s.client.Job.Keep == 0 {
		return nil
	}
	run := s.seeder.run()
	for {
		files, now, err := s.client.Results(ctx, run)
		if err != nil || now.Full {
			return err
		}
		err = s.inFiles(ctx, run, func(r shuffle.Run) error { return s.fillFrom(ctx, r, run, named(files), now.Words) })
		if err != nil {
			return err
		}
	}
}

// fillFrom puts the most frequent words into the sorted set, where at of them are already. It ends
// early if a call doesn't join on to what is there, because another supervisor or a rollback has
// changed that.
func (s *Supervisor) fillFrom(ctx context.Context, r shuffle.Run, run string, files []shuffle.ResultFile, at int) error {
	rank, size, words := 0, 0, make([]any, 0, 2*fillWords)
	send := func(last bool) (on bool, err error) {
		now, err := s.client.Fill(ctx, run, at, words, last)
		on = err == nil && now == protocol.Filling{Words: at + len(words)/2, Full: last}
		at, size, words = now.Words, 0, words[:0]
		return on, err
	}
	for e, err := range r.Words(files) {
		if err != nil {
			return err
		}
		if rank == s.client.Job.Keep {
			break
		}
		if rank++; rank <= at {
			continue
		}
		size += len(e.Word)
		if words = append(words, e.N, e.Word); len(words) == cap(words) || size >= fillBytes {
			if on, err := send(false); !on {
				return err
			}
		}
	}
	_, err := send(true)
	return err
}

// conservedInFiles is conserved for a job that keeps N words. It reads each result file completely, and
// compares the sorted set with the first N words.
func (s *Supervisor) conservedInFiles(ctx context.Context, run, fence string, tokens uint64) (distinct int, err error) {
	files, err := s.client.FencedResults(ctx, fence)
	if err != nil {
		return 0, err
	}
	var total uint64
	for _, f := range files {
		distinct, total = distinct+int(f.Words), total+f.Tokens
	}
	if total != tokens {
		return 0, protocol.Damaged("the result files have %d words, but %d were committed", total, tokens)
	}
	top, inTop := 0, uint64(0)
	err = s.inFiles(ctx, run, func(r shuffle.Run) error {
		if err := r.CheckFiles(ctx, named(files)); err != nil {
			return err
		}
		for e, err := range r.Words(named(files)) {
			if err != nil {
				return err
			}
			if top == s.client.Job.Keep {
				break
			}
			top, inTop = top+1, inTop+e.N
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	words, inSet, err := s.addUp(ctx, fence)
	if err == nil && (words != top || inSet != inTop) {
		err = protocol.Damaged("the sorted set has %d words with a sum of %d, but the %d most frequent have %d", words, inSet, top, inTop)
	}
	return distinct, err
}

// inFiles does something with the result files of a run.
func (s *Supervisor) inFiles(ctx context.Context, run string, do func(shuffle.Run) error) error {
	store, known, err := s.config.Folder.Store(s.client.Job.ID, run)
	if err == nil && !known {
		err = fmt.Errorf("%w: this folder doesn't know where the result files of job %s are", protocol.ErrState, s.client.Job.ID)
	}
	if err != nil {
		return err
	}
	return s.seeder.place.With(ctx, store, shuffle.Open, do)
}

// named are result files as package shuffle knows them.
func named(files []protocol.ResultFile) []shuffle.ResultFile {
	all := make([]shuffle.ResultFile, len(files))
	for i, f := range files {
		all[i] = shuffle.ResultFile(f)
	}
	return all
}

// losses counts what a seal has met.
type losses struct {
	tries int // at files of which one seems to be lost, since the job began anew
	anew  int // how often the job began anew
}

// endure is for a result file that can't be read. After some tries the job begins anew: it is deleted
// in Redis, and seeded again. The run stays the same, because this is nothing but a rollback to the
// beginning. The mark is looked at first, because perhaps only this host doesn't see the file.
func (s *Supervisor) endure(ctx context.Context, l *losses, lost error) error {
	if l.tries++; l.tries < resultTries {
		return nil
	}
	l.tries = 0
	run := s.seeder.run()
	if err := s.inFiles(ctx, run, shuffle.Run.CheckMark); err != nil {
		return err
	}
	if l.anew++; l.anew > anewMax {
		return fmt.Errorf("%w: %w: the job has begun anew %d times because of that: mend the disk, then run again",
			protocol.ErrIncomplete, lost, anewMax)
	}
	s.config.Events.Write(event.Wiped, slog.String("why", "a result file was lost"))
	s.config.Events.Warn("a result file is lost: job %s begins anew", s.client.Job.ID)
	_, err := s.client.Clean(ctx, run)
	switch {
	case errors.Is(err, protocol.ErrOtherRun), protocol.Transient(err):
		return nil // the watch sees it
	case err != nil:
		return err
	}
	s.watcher.startOver()
	return s.seeder.seed(ctx)
}
