package targets

import (
	"cmp"
	"context"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// outcome returns what a target returns to Mage: its error, or that of standard output, with the
// exit status. If the reader of standard output has left, outcome ends the process without a word,
// as others end in a pipe.
func outcome(ctx context.Context, err error) error {
	err = failure.Explain(ctx, cmp.Or(err, show.Out.Err()))
	if mg.ExitStatus(err) == failure.ExitReaderLeft {
		os.Exit(failure.ExitReaderLeft)
	}
	return err
}
