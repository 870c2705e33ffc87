package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/corpus"
)

// Corpus is a folder of generated texts.
type Corpus struct {
	Bytes int64 `json:"bytes"`
	Files int   `json:"files"`
	Words int   `json:"vocabulary"` // words that could occur; how many do is in the results

	dir string
}

func (c Corpus) size() string { return humanize.IBytes(uint64(c.Bytes)) }

func (c Corpus) String() string {
	files := "1 file"
	if c.Files != 1 {
		files = humanize.Comma(int64(c.Files)) + " files"
	}
	return fmt.Sprintf("%s in %s, a vocabulary of %s words", c.size(), files, humanize.Comma(int64(c.Words)))
}

// corpus returns a corpus, which is generated if it isn't there.
func (b Bench) corpus(ctx context.Context, bytes int64, files, words int) (Corpus, error) {
	spec := corpus.Spec{Bytes: bytes, Files: files, Words: words}
	if err := spec.Validate(); err != nil {
		return Corpus{}, err
	}
	c := Corpus{bytes, files, words, filepath.Join(b.Dir, "corpora", fmt.Sprintf("%d-%d-%d", bytes, files, words))}
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
		b.Say("generating %s", c)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return c, err
	}
	cmd, err := as(ctx, "corpus", c.dir, string(text))
	if err == nil {
		_, err = spend(ctx, cmd, nil)
	}
	if err != nil {
		return c, fmt.Errorf("bench: generate %s: %w", c, err)
	}
	return c, nil
}

// first returns a corpus of the first files of another, which takes no room of its own.
func (c Corpus) first(files int) (Corpus, error) {
	if files >= c.Files {
		return c, nil
	}
	part := Corpus{Files: files, Words: c.Words, dir: fmt.Sprintf("%s-first-%d", c.dir, files)}
	return part, part.make(func() error {
		entries, err := os.ReadDir(c.dir)
		if err != nil {
			return err
		}
		for _, e := range entries[:files] {
			if err := os.Link(filepath.Join(c.dir, e.Name()), filepath.Join(part.dir, e.Name())); err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			part.Bytes += info.Size()
		}
		return nil
	})
}

// joined returns a corpus of the same bytes in one file. The words are the same: no file of a corpus ends within one.
func (c Corpus) joined() (Corpus, error) {
	whole := Corpus{Bytes: c.Bytes, Files: 1, Words: c.Words, dir: c.dir + "-joined"}
	return whole, whole.make(func() error {
		entries, err := os.ReadDir(c.dir)
		if err != nil {
			return err
		}
		out, err := os.Create(filepath.Join(whole.dir, "whole.txt"))
		if err != nil {
			return err
		}
		defer out.Close()
		for _, e := range entries {
			in, err := os.Open(filepath.Join(c.dir, e.Name()))
			if err != nil {
				return err
			}
			_, err = io.Copy(out, in)
			in.Close()
			if err != nil {
				return err
			}
		}
		return out.Close()
	})
}

// make fills the corpus's folder anew: it is quickly done.
func (c Corpus) make(fill func() error) error {
	err := os.RemoveAll(c.dir)
	if err == nil {
		err = os.MkdirAll(c.dir, 0o755)
	}
	if err == nil {
		err = fill()
	}
	if err != nil {
		return fmt.Errorf("bench: make %s: %w", c, err)
	}
	return nil
}

// recount counts the corpus once more, in another process, and splits it as said.
func (c Corpus) recount(ctx context.Context, split string) (t Tally, err error) {
	cmd, err := as(ctx, "recount", c.dir, split)
	if err != nil {
		return t, err
	}
	text, err := output(ctx, cmd)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return t, fmt.Errorf("bench: recount %s: %w", c, err)
	}
	return t, nil
}

// output runs a command as spend does, and returns what it wrote.
func output(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	file, err := os.CreateTemp("", "bench-*.out")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	cmd.Stdout = file
	if _, err := spend(ctx, cmd, nil); err != nil {
		return nil, err
	}
	return os.ReadFile(file.Name())
}
