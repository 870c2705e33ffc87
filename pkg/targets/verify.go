package targets

import (
	"context"
	"fmt"
	"os"

	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
)

// verify recounts the files of a sealed job, and compares the counts with the result.
func (s *session) verify(ctx context.Context, r *wordcount.Result) error {
	truth, err := s.recount(ctx, r)
	if err != nil {
		return err
	}
	return s.compare(ctx, truth, r)
}

// recount counts a job's files again.
func (s *session) recount(ctx context.Context, r *wordcount.Result) (recount.Counts, error) {
	bar := show.NewProgress(os.Stderr)
	bar.Total = r.Bytes
	defer bar.Finish()
	return r.Recount(ctx, s.config.VerifyPart, func(bytes int64) { bar.Advance("recount", bytes) })
}

// compare compares a job's result with the recount, and prints whether the result is exact. It
// empties the recount.
func (s *session) compare(ctx context.Context, truth recount.Counts, r *wordcount.Result) error {
	verdict, err := r.Compare(ctx, truth, s.config.VerifyPart)
	if err != nil {
		return err
	}
	s.shown.Verdict(verdict, s.config.VerifyPart)
	if verdict.Exact() {
		return nil
	}
	return fmt.Errorf("%w: %d distinct, %d missing, %d surplus, %d different: please report this", wordcount.ErrDifferent,
		verdict.Distinct, verdict.Missing, verdict.Surplus, verdict.Different)
}
