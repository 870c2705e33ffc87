package corpus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// pageSize is the number of bytes that are written at once. A page ends where a line ends. The size
// is a prime number, and no job cuts its input into splits of that size. So the edges of splits
// fall anywhere, also inside words and runes.
const pageSize = 1_000_003

// Write writes the corpus to the files part-00000.txt, part-00001.txt and so on in dir. It creates
// dir if it is missing, and keeps files that are already there. It refuses a dir that holds
// anything but this corpus or a part of it; then the error wraps ErrFolder. It writes nothing if the
// missing files don't fit on the disk; then the error wraps ErrSpace.
//
// Write calls progress with the number of bytes that are written so far, out of spec.Bytes. It does
// so in the goroutine of its caller. progress may be nil.
//
// If ctx is cancelled, Write returns its cause. Another call continues where this one ended.
func Write(ctx context.Context, dir string, spec Spec, progress func(written int64)) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	spec = spec.WithDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	missing, err := prepare(dir, spec)
	if err != nil {
		return err
	}

	written := spec.Bytes - spec.bytes(missing)
	report := func(n int64) {
		written += n
		if progress != nil {
			progress(written)
		}
	}
	report(0)
	if len(missing) == 0 {
		return nil
	}
	return write(ctx, dir, spec, missing, report)
}

// write writes the missing files, as many at once as there are CPUs.
func write(ctx context.Context, dir string, spec Spec, missing []int, report func(n int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	lexicon := newLexicon(spec)
	todo := make(chan int)
	pages := make(chan int) // the size of each written page

	var writers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(missing)) {
		writers.Go(func() {
			page := make([]byte, pageSize)
			for i := range todo {
				path := filepath.Join(dir, spec.name(i))
				text := &text{lexicon, newDice(spec.Seed, uint64(i)+1)}
				if err := writeFile(ctx, path, spec.size(i), text, page, pages); err != nil {
					cancel(err) // the first error is the cause
				}
			}
		})
	}
	go func() {
		for _, i := range missing {
			todo <- i // after a cancellation writeFile returns at once
		}
		close(todo)
		writers.Wait()
		close(pages)
	}()
	for n := range pages {
		report(int64(n))
	}
	return context.Cause(ctx)
}

// writeFile writes one file. The file has another name until it is complete.
func writeFile(ctx context.Context, path string, size int64, text *text, page []byte, pages chan<- int) (err error) {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	f, err := os.Create(path + unfinished)
	if err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	for size > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		page = page[:min(size, pageSize)]
		text.fill(page)
		if _, err := f.Write(page); err != nil {
			return fmt.Errorf("corpus: %w", err)
		}
		size -= int64(len(page))
		pages <- len(page)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	return nil
}
