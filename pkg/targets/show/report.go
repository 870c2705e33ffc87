package show

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
)

// Report prints the result of a job: what was counted, the most frequent words, and how to see more
// of them. If Quiet is set, it is one line.
func (p *Progress) Report(ctx context.Context, job *wordcount.Job, r *wordcount.Result) error {
	if p.Quiet.Load() {
		p.Tell("sealed: %s words, %s distinct; %s", humanize.Comma(int64(r.Tokens)), humanize.Comma(int64(r.Distinct)), redone(r.Sealed))
		return nil
	}
	fmt.Fprintf(&Out, "sealed  %s words, %s distinct, in %s; %s; durability: %s\n", humanize.Comma(int64(r.Tokens)),
		humanize.Comma(int64(r.Distinct)), Plural(r.Files, "file"), redone(r.Sealed), r.Durable)
	for _, skipped := range r.Skipped {
		fmt.Fprintf(&Out, "skipped %v\n", skipped)
	}
	planned := job.Planned().Job
	counting, err := plan.ParseCounting(planned.Counting)
	if err != nil {
		return err
	}
	for _, line := range records(r.Tally, counting.Field.String()) {
		fmt.Fprintln(&Out, line)
	}
	if err := Words(r.Top(ctx, 10)); err != nil {
		return err
	}
	if len(r.Skipped) > 0 {
		p.Note("all that was skipped: %s", job.Folder().Skipped(planned.ID))
	}
	_, server, err := job.Redis(ctx)
	if err != nil {
		return err
	}
	cli, err := server.Endpoint().CLI()
	if err != nil {
		return err
	}
	p.Note("sorted set: %s zrevrange '%s' 0 9 withscores", cli, planned.Key("counts"))
	return nil
}

func redone(sealed wordcount.Sealed) string {
	if sealed.Redone == 0 {
		return "nothing redone"
	}
	return fmt.Sprintf("%s redone, none counted twice", Plural(sealed.Redone, "task"))
}

// Verdict prints what a recount of a part of the words says about a result: that it is exact, or
// the first differences.
func (p *Progress) Verdict(v wordcount.Verdict, part wordcount.Share) {
	if !v.Exact() {
		for _, d := range v.First {
			fmt.Fprintf(&Out, "  %s: %d by a serial count, %d in the result\n", shortWord(d.Word), d.Want, d.Got)
		}
		return
	}
	of := ""
	if part.Of > 1 {
		of = fmt.Sprintf(" in part %d of %d", part.Number, part.Of)
	}
	p.Tell("exact: %s distinct%s, 0 missing, 0 surplus, 0 different", humanize.Comma(int64(v.Distinct)), of)
}
