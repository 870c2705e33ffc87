package targets

import (
	"context"
	"fmt"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// report prints the result: what was counted, the top words, and how to see more of it.
func (s *session) report(ctx context.Context) error {
	r, sealed := wordcount.Result{Redis: s.rdb, Job: s.plan.Job, Fence: s.sealed.Fence}, s.sealed
	if s.quiet.Load() {
		s.tell("sealed: %s words, %s distinct; %s", humanize.Comma(int64(sealed.Tokens)), humanize.Comma(int64(sealed.Distinct)), redone(sealed))
		return nil
	}
	fmt.Printf("sealed  %s words, %s distinct, in %s files; %s; durability: %s\n", humanize.Comma(int64(sealed.Tokens)),
		humanize.Comma(int64(sealed.Distinct)), humanize.Comma(int64(sealed.Files)), redone(sealed), sealed.Durable)
	for _, skipped := range sealed.Skipped {
		fmt.Printf("skipped %v\n", skipped)
	}
	if err := printTop(r.Entries(ctx), 10); err != nil {
		return err
	}
	if len(sealed.Skipped) > 0 {
		s.note("all that was skipped: %s", s.folder.Skipped(s.plan.Job.ID))
	}
	cli, err := s.server.Endpoint().CLI()
	if err != nil {
		return err
	}
	s.note("sorted set: %s zrevrange '%s' 0 9 withscores", cli, s.plan.Job.Key("counts"))
	return nil
}

func redone(sealed *wordcount.Sealed) string {
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

// verify recounts the files of a sealed job, and compares.
func (s *session) verify(ctx context.Context, plan wordcount.Plan, sealed wordcount.Sealed) error {
	truth, err := s.recount(ctx, plan)
	if err != nil {
		return err
	}
	return s.compare(ctx, truth, plan, sealed)
}

// recount counts a job's files again.
func (s *session) recount(ctx context.Context, plan wordcount.Plan) (wordcount.Recount, error) {
	bar := newProgress(os.Stderr)
	bar.total = plan.Manifest.Bytes
	defer bar.finish()
	return wordcount.NewRecount(ctx, plan.Manifest, s.config.VerifyPart, func(bytes int64) { bar.advance("recount", bytes) })
}

// compare compares a job's result with the recount, which it uses up, and says how exact it is.
func (s *session) compare(ctx context.Context, truth wordcount.Recount, plan wordcount.Plan, sealed wordcount.Sealed) error {
	verdict, err := truth.Compare(ctx, wordcount.Result{Redis: s.rdb, Job: plan.Job, Fence: sealed.Fence}, s.config.VerifyPart)
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
