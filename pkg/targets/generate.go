package targets

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/magereduce/magereduce/pkg/corpus"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// generate writes a corpus, and shows its progress.
func generate(ctx context.Context, out, bytes *string, files, words *int, zipf *string, seed *int) (err error) {
	var spec corpus.Spec
	if bytes != nil {
		if spec.Bytes, err = config.Size(*bytes); err != nil {
			return fmt.Errorf("%w: -bytes=%s: %w", protocol.ErrInput, *bytes, err)
		}
	}
	if zipf != nil {
		if spec.Zipf, err = strconv.ParseFloat(*zipf, 64); err != nil {
			return fmt.Errorf("%w: -zipf=%s: write a number like 1.07", protocol.ErrInput, *zipf)
		}
	}
	dir := "corpus"
	if out != nil {
		dir = cmp.Or(*out, dir)
	}
	if files != nil {
		spec.Files = *files
	}
	if words != nil {
		spec.Words = *words
	}
	if seed != nil {
		spec.Seed = uint64(*seed)
	}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	spec = spec.WithDefaults()
	bar := show.NewProgress(os.Stderr)
	bar.Total = spec.Bytes
	err = corpus.Write(ctx, dir, spec, func(written int64) { bar.Advance("generate", written) })
	bar.Finish()
	if err == nil {
		bar.Say("data:generate", "%d files in %s", spec.Files, dir)
	}
	return err
}
