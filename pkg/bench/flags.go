package bench

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/magefile/mage/mg"
)

// Flags are those of the target, as Mage hands them over: nil is the default.
type Flags struct {
	What     *string  // pairs (the default), sweeps, goals or all
	Against  *string  // as ParseOutsiders reads it
	Bytes    *string  // as 512MiB
	Files    *int     // of the corpus for pairs
	Words    *int     // its vocabulary
	Rounds   *int     // that count
	Scale    *float64 // of sweeps and goals
	Out      *string  // file for the report as JSON
	Pictures *string  // folder for those of the sweeps
}

// exitUsage is the status of a target that was used wrongly.
const exitUsage = 2

// Target is all of the target: it measures, prints the tables, and writes the report. What was measured before an error
// is printed and written, too.
func Target(ctx context.Context, f Flags) error {
	b, err := f.bench()
	if err != nil {
		return mg.Fatal(exitUsage, err)
	}
	what := value(f.What, "pairs")
	parts := map[string][]string{"pairs": {"pairs"}, "sweeps": {"sweeps"}, "goals": {"goals"}, "all": {"pairs", "goals", "sweeps"}}[what]
	if parts == nil {
		return mg.Fatalf(exitUsage, "bench: -what=%s: write pairs, sweeps, goals or all", what)
	}
	r := NewReport(b)
	for _, part := range parts {
		var partErr error
		switch part {
		case "pairs":
			r.Pairs, partErr = b.Pairs(ctx)
		case "goals":
			r.Goals, partErr = b.Goals(ctx)
		case "sweeps":
			r.Sweeps, partErr = b.Sweeps(ctx)
		}
		err = errors.Join(err, partErr)
		if ctx.Err() != nil {
			break
		}
	}
	r.Print(os.Stdout)
	if out := value(f.Out, ""); out != "" {
		err = errors.Join(err, r.Write(out))
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
