package targets

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

// generate writes a corpus as the flags say.
func generate(ctx context.Context, out, bytes *string, files, words *int, zipf *string, seed *int) (err error) {
	var spec corpus.Spec
	if bytes != nil {
		if spec.Bytes, err = corpusSize(*bytes); err != nil {
			return err
		}
	}
	if zipf != nil {
		if spec.Zipf, err = strconv.ParseFloat(*zipf, 64); err != nil || spec.Zipf == 0 {
			return fmt.Errorf("%w: -zipf=%s: write a number like 1.07", protocol.ErrInput, *zipf)
		}
	}
	dir := "corpus"
	if out != nil {
		dir = cmp.Or(*out, dir)
	}
	for _, number := range []struct {
		flag        string
		given, into *int
	}{{"files", files, &spec.Files}, {"words", words, &spec.Words}} {
		if number.given == nil {
			continue
		}
		if *number.into = *number.given; *number.given == 0 { // a Spec takes it for the default
			return fmt.Errorf("%w: -%s=0: write a number above 0", protocol.ErrInput, number.flag)
		}
	}
	if seed != nil {
		spec.Seed = uint64(*seed)
	}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	spec = spec.WithDefaults()
	if err := writeCorpus(ctx, dir, spec); err != nil {
		return err
	}
	show.NewProgress(os.Stderr).Say("data:generate", "%s in %s", show.Plural(spec.Files, "file"), dir)
	return nil
}

// writeCorpus writes a corpus, and shows its progress.
func writeCorpus(ctx context.Context, dir string, spec corpus.Spec) error {
	bar := show.NewProgress(os.Stderr)
	bar.Total = spec.Bytes
	defer bar.Finish()
	err := corpus.Write(ctx, dir, spec, func(written int64) { bar.Advance("generate", written) })
	if errors.Is(err, corpus.ErrFolder) || errors.Is(err, corpus.ErrSpace) {
		err = fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	return err
}

// corpusSize reads the flag -bytes of a target that writes a corpus.
func corpusSize(v string) (int64, error) {
	size, err := config.Size(v)
	if err == nil && size == 0 {
		err = errors.New("write a size above 0")
	}
	if err != nil {
		return 0, fmt.Errorf("%w: -bytes=%s: %w", protocol.ErrInput, v, err)
	}
	return size, nil
}
