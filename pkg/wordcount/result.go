package wordcount

import (
	"context"
	"io"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
)

// Result is the published result of a job. Its words are read under the fence that the job was sealed
// with: from Redis, or with Config.Keep from the result files. A reader gets what was published, or an
// error that wraps ErrNoResult.
type Result struct {
	Sealed
	words    result.Result
	manifest plan.Manifest
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

// Recount counts the input again, by the standard library alone. progress gets the number of bytes
// read so far. The error wraps ErrInput if a file isn't what the job counted.
func (r *Result) Recount(ctx context.Context, share Share, progress func(bytes int64)) (result.Counts, error) {
	return result.Recount(ctx, r.manifest, share, progress)
}

// Compare compares the result with a recount of that share. It consumes the recount.
func (r *Result) Compare(ctx context.Context, truth result.Counts, share Share) (Verdict, error) {
	return truth.Compare(ctx, r.words, share)
}
