package wordcount

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
)

// Result is the published result of a job. Its words are read under the fence that the job was sealed
// with: from Redis, or with Config.Keep from the result files. A reader gets what was published, or an
// error that wraps ErrNoResult.
type Result struct {
	Sealed
	words result.Result
	plan  plan.Plan
}

// All yields the words by descending count, then by their bytes ascending.
func (r *Result) All(ctx context.Context) iter.Seq2[Entry, error] { return r.words.Entries(ctx) }

// Top yields the n words with the highest counts.
func (r *Result) Top(ctx context.Context, n int) iter.Seq2[Entry, error] {
	return result.First(r.words.Entries(ctx), n)
}

// Export writes one line "count<TAB>word" for each word, in the order of All. The error wraps
// ErrInput if a word has a tab or a line end, so that it is no such line.
func (r *Result) Export(ctx context.Context, w io.Writer) error { return r.ExportAs(ctx, w, TSV) }

// ExportAs writes all words in another format than Export.
func (r *Result) ExportAs(ctx context.Context, w io.Writer, format Format) error {
	return result.Export(w, r.words.Entries(ctx), format)
}

// Recount counts the input again, by code of its own: see package recount. progress gets the number of
// bytes read so far. The error wraps ErrInput if a file isn't what the job counted, and ErrDifferent
// if the recount has another tally of records. It wraps ErrInput, too, if this program lacks a
// function that says what was counted.
func (r *Result) Recount(ctx context.Context, share Share, progress func(bytes int64)) (recount.Counts, error) {
	counting, err := plan.ParseCounting(r.plan.Job.Counting)
	if err == nil {
		err = counting.Check()
	}
	if err != nil {
		return nil, err
	}
	counts, records, err := recount.Files(ctx, r.plan.Manifest, counting, share, progress)
	if err != nil {
		return nil, err
	}
	counted := r.Tally
	counted.Compressed, counted.Unpacked = 0, 0
	if records != counted {
		return nil, fmt.Errorf("%w: of its records the result says %s, and a serial count %s", ErrDifferent, counted, records)
	}
	return counts, nil
}

// Compare compares the result with a recount of that share. It consumes the recount.
func (r *Result) Compare(ctx context.Context, truth recount.Counts, share Share) (Verdict, error) {
	return r.words.Compare(ctx, truth, share)
}
