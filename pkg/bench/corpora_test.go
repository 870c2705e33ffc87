package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/corpus"
)

// corpusDir is a folder of generated texts.
type corpusDir struct {
	bytes int64
	files int
	words int // that could occur; how many do is in the results
	dir   string
	as    string // what is made of the bytes; "": text
	url   string // where the job finds them; "": in the folder
}

func (c corpusDir) size() string { return humanize.IBytes(uint64(c.bytes)) }

func (c corpusDir) String() string {
	files := "1 file"
	if c.files != 1 {
		files = humanize.Comma(int64(c.files)) + " files"
	}
	if c.as != "" {
		return fmt.Sprintf("%s of %s in %s", c.size(), c.as, files)
	}
	return fmt.Sprintf("%s in %s, a vocabulary of %s words", c.size(), files, humanize.Comma(int64(c.words)))
}

// corpus returns a corpus, which is generated if it isn't there.
func (b bench) corpus(ctx context.Context, bytes int64, files, words int) (corpusDir, error) {
	spec := corpus.Spec{Bytes: bytes, Files: files, Words: words}
	c := corpusDir{bytes: bytes, files: files, words: words, dir: filepath.Join(b.dir, "corpora", fmt.Sprintf("%d-%d-%d", bytes, files, words))}
	if err := spec.Validate(); err != nil {
		return c, err
	}
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
		b.say("generating %s", c)
	}
	text, err := json.Marshal(spec)
	if err == nil {
		_, err = spend(ctx, as(ctx, "corpus", c.dir, string(text)), nil)
	}
	if err != nil {
		return c, fmt.Errorf("generate %s: %w", c, err)
	}
	return c, nil
}

// derive lets this program make the folder of a corpus in another role, if it isn't there. It gets its
// name when it is complete.
func (b bench) derive(ctx context.Context, c corpusDir, role string, args ...string) error {
	if _, err := os.Stat(c.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b.say("generating %s", c)
	part := c.dir + "-part"
	err := os.RemoveAll(part)
	if err == nil {
		err = os.MkdirAll(part, 0o755)
	}
	if err == nil {
		_, err = spend(ctx, as(ctx, role, append([]string{part}, args...)...), nil)
	}
	if err == nil {
		err = os.Rename(part, c.dir)
	}
	if err != nil {
		return fmt.Errorf("generate %s: %w", c, err)
	}
	return nil
}

// first returns a corpus of the first files of another, which takes no room of its own.
func (c corpusDir) first(files int) (corpusDir, error) {
	if files >= c.files {
		return c, nil
	}
	part := corpusDir{files: files, words: c.words, dir: fmt.Sprintf("%s-first-%d", c.dir, files)}
	err := part.make(func() error {
		paths, err := filesOf(c.dir)
		if err != nil {
			return err
		}
		for _, path := range paths[:files] {
			info, err := os.Stat(path)
			if err == nil {
				err = os.Link(path, filepath.Join(part.dir, filepath.Base(path)))
			}
			if err != nil {
				return err
			}
			part.bytes += info.Size()
		}
		return nil
	})
	return part, err
}

// joined returns a corpus of the same bytes in one file. The words are the same, because no file
// ends within a word.
func (c corpusDir) joined() (corpusDir, error) {
	whole := corpusDir{bytes: c.bytes, files: 1, words: c.words, dir: c.dir + "-joined"}
	return whole, whole.make(func() error {
		paths, err := filesOf(c.dir)
		if err != nil {
			return err
		}
		out, err := os.Create(filepath.Join(whole.dir, "whole.txt"))
		if err != nil {
			return err
		}
		defer out.Close()
		for _, path := range paths {
			if err := appendFile(out, path); err != nil {
				return err
			}
		}
		return out.Close()
	})
}

func appendFile(out io.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

// make fills the corpus's folder anew, because that is quickly done.
func (c corpusDir) make(fill func() error) error {
	err := os.RemoveAll(c.dir)
	if err == nil {
		err = os.MkdirAll(c.dir, 0o755)
	}
	if err == nil {
		err = fill()
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", c, err)
	}
	return nil
}
