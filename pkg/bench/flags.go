package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/magefile/mage/mg"
)

// Flags are those of the target, as Mage hands them over: nil is the default.
type Flags struct {
	What     *string  // pairs (the default), goals, sweeps, or the name of one sweep
	Against  *string  // as ParseOutsiders reads it
	Bytes    *string  // as 512MiB
	Files    *int     // of the corpus for pairs
	Words    *int     // its vocabulary
	Rounds   *int     // that count
	Scale    *float64 // of sweeps and goals
	Out      *string  // file for the report as JSON
	Pictures *string  // folder for those of the sweeps
}

// Exit statuses, as the plugin's targets have them.
const (
	exitUsage       = 2
	exitInterrupted = 130
)

// Target is all of the target: it measures, prints the tables, and writes the report. What was measured before an error
// is printed and written, too.
func Target(ctx context.Context, f Flags) error {
	b, err := f.bench()
	if err != nil {
		return mg.Fatal(exitUsage, err)
	}
	r := NewReport(b)
	switch what := value(f.What, "pairs"); {
	case what == "pairs":
		r.Pairs, err = b.Pairs(ctx)
	case what == "goals":
		r.Goals, err = b.Goals(ctx)
	case what == "sweeps":
		r.Sweeps, err = b.Sweeps(ctx)
	case slices.Contains(SweepNames, what):
		r.Sweeps, err = b.Sweeps(ctx, what)
	default:
		return mg.Fatalf(exitUsage, "bench: -what=%s: write pairs, goals, sweeps, or one of %s", what, strings.Join(SweepNames, ", "))
	}
	r.Print(os.Stdout)
	if out := value(f.Out, ""); out != "" {
		err = errors.Join(err, r.Write(out))
	}
	if ctx.Err() != nil {
		return mg.Fatal(exitInterrupted, "interrupted")
	}
	return err
}

// bench is what the flags say.
func (f Flags) bench() (Bench, error) {
	b := Bench{
		Files: value(f.Files, 0), Words: value(f.Words, 0), Rounds: value(f.Rounds, 0), Scale: value(f.Scale, 0),
		Pictures: value(f.Pictures, ""),
		Say:      func(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench            "+format+"\n", args...) },
	}
	if f.Bytes != nil {
		n, err := humanize.ParseBytes(*f.Bytes)
		if err != nil || n == 0 || n > 1<<53 {
			return b, fmt.Errorf("bench: -bytes=%s: write a size, as 512MiB", *f.Bytes)
		}
		b.Bytes = int64(n)
	}
	var err error
	b.Against, err = ParseOutsiders(value(f.Against, ""))
	return b, err
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
