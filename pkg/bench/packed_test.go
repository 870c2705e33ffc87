package bench

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	uax29 "github.com/clipperhouse/uax29/v2/words"
	"github.com/klauspost/compress/gzip"
)

// packed returns the middle corpus, each file of it packed by gzip.
func (b bench) packed(ctx context.Context) (corpusDir, error) {
	texts, err := b.middle(ctx)
	if err != nil {
		return texts, err
	}
	c := texts
	c.as, c.dir = "text, packed by gzip,", texts.dir+"-gzip"
	return c, b.derive(ctx, c, "pack", texts.dir)
}

// packFolder packs each file of a folder into another one.
func packFolder(to, from string) error {
	return eachFile(from, func(path string) error {
		out, err := os.Create(filepath.Join(to, filepath.Base(path)+".gz"))
		if err != nil {
			return err
		}
		defer out.Close()
		z := gzip.NewWriter(out)
		if err := appendFile(z, path); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		return out.Close()
	})
}

// unpackFolder unpacks each file of a folder to nowhere, with the library of the workers.
func unpackFolder(dir string) error {
	return eachFile(dir, func(path string) error {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, z)
		return err
	})
}

// segmentFolder finds the words of each file of a folder with the library of the workers, and counts
// none.
func segmentFolder(dir string) error {
	return eachFile(dir, func(path string) error {
		text, err := os.ReadFile(path)
		for segments := uax29.FromBytes(text); segments.Next(); {
		}
		return err
	})
}

// eachFile does something with each file of a folder, as many at once as there are processors.
func eachFile(dir string, do func(path string) error) error {
	paths, err := filesOf(dir)
	if err != nil {
		return err
	}
	var next atomic.Int64
	return each(runtime.GOMAXPROCS(0), func(int) error {
		for {
			n := int(next.Add(1)) - 1
			if n >= len(paths) {
				return nil
			}
			if err := do(paths[n]); err != nil {
				return err
			}
		}
	})
}
