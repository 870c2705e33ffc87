// Package texts writes texts to count for a target: as its flags say, and with a bar of progress. What the
// texts are made of is the business of package corpus.
package texts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Flags are those of the target data:generate. A flag that isn't given is nil.
type Flags struct {
	Out, Bytes   *string
	Files, Words *int
	Zipf         *string
	Seed         *int
}

// Generate writes texts as the flags say. An error about a flag wraps protocol.ErrInput.
func Generate(ctx context.Context, f Flags) (err error) {
	var spec corpus.Spec
	if f.Bytes != nil {
		if spec.Bytes, err = Size(*f.Bytes); err != nil {
			return err
		}
	}
	if f.Zipf != nil {
		if spec.Zipf, err = strconv.ParseFloat(*f.Zipf, 64); err != nil || spec.Zipf == 0 {
			return fmt.Errorf("%w: -zipf=%s: write a number like 1.07", protocol.ErrInput, *f.Zipf)
		}
	}
	dir := "corpus"
	if f.Out != nil {
		dir = cmp.Or(*f.Out, dir)
	}
	for _, number := range []struct {
		flag        string
		given, into *int
	}{{"files", f.Files, &spec.Files}, {"words", f.Words, &spec.Words}} {
		if number.given == nil {
			continue
		}
		if *number.into = *number.given; *number.given == 0 { // a Spec takes it for the default
			return fmt.Errorf("%w: -%s=0: write a number above 0", protocol.ErrInput, number.flag)
		}
	}
	if f.Seed != nil {
		spec.Seed = uint64(*f.Seed)
	}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	spec = spec.WithDefaults()
	if err := Write(ctx, dir, spec); err != nil {
		return err
	}
	show.NewProgress(os.Stderr).Say("data:generate", "%s in %s", show.Plural(spec.Files, "file"), dir)
	return nil
}

// Write writes texts to a folder, and shows its progress.
func Write(ctx context.Context, dir string, spec corpus.Spec) error {
	bar := show.NewProgress(os.Stderr)
	bar.Total = spec.Bytes
	defer bar.Finish()
	err := corpus.Write(ctx, dir, spec, func(written int64) { bar.Advance("generate", written) })
	if errors.Is(err, corpus.ErrFolder) || errors.Is(err, corpus.ErrSpace) {
		err = fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	return err
}

// Size reads the flag -bytes of a target that writes texts. The error wraps protocol.ErrInput.
func Size(v string) (int64, error) {
	size, err := config.Size(v)
	if err == nil && size == 0 {
		err = errors.New("write a size above 0")
	}
	if err != nil {
		return 0, fmt.Errorf("%w: -bytes=%s: %w", protocol.ErrInput, v, err)
	}
	return size, nil
}
