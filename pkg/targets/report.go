package targets

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
)

// report prints the result: what was counted, the most frequent words, and how to see more of them.
func (s *session) report(ctx context.Context, r *wordcount.Result) error {
	if s.quiet.Load() {
		s.tell("sealed: %s words, %s distinct; %s", humanize.Comma(int64(r.Tokens)), humanize.Comma(int64(r.Distinct)), redone(r.Sealed))
		return nil
	}
	fmt.Printf("sealed  %s words, %s distinct, in %s files; %s; durability: %s\n", humanize.Comma(int64(r.Tokens)),
		humanize.Comma(int64(r.Distinct)), humanize.Comma(int64(r.Files)), redone(r.Sealed), r.Durable)
	for _, skipped := range r.Skipped {
		fmt.Printf("skipped %v\n", skipped)
	}
	if err := printTop(r.Top(ctx, 10)); err != nil {
		return err
	}
	job := s.job.Planned().Job
	if len(r.Skipped) > 0 {
		s.note("all that was skipped: %s", s.job.Folder().Skipped(job.ID))
	}
	_, server, err := s.job.Redis(ctx)
	if err != nil {
		return err
	}
	cli, err := server.Endpoint().CLI()
	if err != nil {
		return err
	}
	s.note("sorted set: %s zrevrange '%s' 0 9 withscores", cli, job.Key("counts"))
	return nil
}

func redone(sealed wordcount.Sealed) string {
	if sealed.Redone == 0 {
		return "nothing redone"
	}
	return fmt.Sprintf("%s redone, none counted twice", plural(sealed.Redone, "task"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return humanize.Comma(int64(n)) + " " + what + "s"
}

// entries are words with their counts, by descending count, then by the bytes of the words.
type entries = iter.Seq2[wordcount.Entry, error]

func printTop(words entries) error {
	for e, err := range words {
		if err != nil {
			return err
		}
		fmt.Printf("%12s  %s\n", humanize.Comma(int64(e.N)), printable(e.Word))
	}
	return nil
}

// verify recounts the files of a sealed job, and compares the counts with the result.
func (s *session) verify(ctx context.Context, r *wordcount.Result) error {
	truth, err := s.recount(ctx, r)
	if err != nil {
		return err
	}
	return s.compare(ctx, truth, r)
}

// recount counts a job's files again.
func (s *session) recount(ctx context.Context, r *wordcount.Result) (result.Counts, error) {
	bar := newProgress(os.Stderr)
	bar.total = r.Bytes
	defer bar.finish()
	return r.Recount(ctx, s.config.VerifyPart, func(bytes int64) { bar.advance("recount", bytes) })
}

// compare compares a job's result with the recount, and prints whether the result is exact. It
// empties the recount.
func (s *session) compare(ctx context.Context, truth result.Counts, r *wordcount.Result) error {
	verdict, err := r.Compare(ctx, truth, s.config.VerifyPart)
	if err != nil {
		return err
	}
	if verdict.Exact() {
		of := ""
		if p := s.config.VerifyPart; p.Of > 1 {
			of = fmt.Sprintf(" in part %d of %d", p.Number, p.Of)
		}
		s.tell("exact: %s distinct%s, 0 missing, 0 surplus, 0 different", humanize.Comma(int64(verdict.Distinct)), of)
		return nil
	}
	for _, d := range verdict.First {
		fmt.Printf("  %s: %d by a serial count, %d in the result\n", printable(d.Word), d.Want, d.Got)
	}
	return fmt.Errorf("%w: %d distinct, %d missing, %d surplus, %d different: please report this", wordcount.ErrDifferent,
		verdict.Distinct, verdict.Missing, verdict.Surplus, verdict.Different)
}
