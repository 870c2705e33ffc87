package bench

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// What the zero value of a Bench's field stands for.
const (
	DefaultDir         = ".wordcount/bench"
	DefaultBytes       = 512 << 20
	DefaultFiles       = 64
	DefaultWords       = 200_000
	DefaultRounds      = 5 // of Pairs and Goals
	DefaultSweepRounds = 3 // at each point
	DefaultPictures    = ".bench"
)

// Bench says what to measure, and on what. The zero value of each field is its default.
type Bench struct {
	Program string     // a compiled magefile, whose targets run the job; this very program, which is one
	Dir     string     // for corpora, which stay, and jobs, which don't; DefaultDir
	Bytes   int64      // of the corpus for Pairs, as are the next two; DefaultBytes
	Files   int        // DefaultFiles
	Words   int        // its vocabulary; DefaultWords
	Rounds  int        // after one that isn't counted; DefaultRounds, DefaultSweepRounds
	Against []Outsider // more contenders for Pairs

	Scale     float64       // of the corpora for Sweeps and Goals, 0.01 being a hundredth; 1
	Pictures  string        // folder for those of Sweeps; DefaultPictures
	KillEvery time.Duration // a worker, for Goals; a second

	// Say gets a line about each thing that is done; nobody.
	Say func(format string, args ...any)
}

// complete fills in the defaults, and makes paths absolute, since jobs run in folders of their own.
func (b Bench) complete(rounds int) (Bench, error) {
	b.Bytes = cmp.Or(b.Bytes, DefaultBytes)
	b.Files = cmp.Or(b.Files, DefaultFiles)
	b.Words = cmp.Or(b.Words, DefaultWords)
	b.Rounds = cmp.Or(b.Rounds, rounds)
	b.Scale = cmp.Or(b.Scale, 1)
	b.Pictures = cmp.Or(b.Pictures, DefaultPictures)
	b.KillEvery = cmp.Or(b.KillEvery, time.Second)
	if b.Say == nil {
		b.Say = func(string, ...any) {}
	}
	switch {
	case b.Rounds < 0:
		return b, fmt.Errorf("bench: %d rounds: give 1 or more", b.Rounds)
	case !(b.Scale > 0 && b.Scale <= 1):
		return b, fmt.Errorf("bench: a scale of %v: give more than 0, up to 1", b.Scale)
	}
	var err error
	if b.Dir, err = filepath.Abs(cmp.Or(b.Dir, DefaultDir)); err != nil {
		return b, fmt.Errorf("bench: %w", err)
	}
	if b.Program == "" {
		b.Program, err = self()
	} else {
		b.Program, err = filepath.Abs(b.Program)
	}
	if err == nil {
		err = os.MkdirAll(b.Dir, 0o755)
	}
	if err != nil {
		return b, fmt.Errorf("bench: %w", err)
	}
	return b, nil
}

// scaled is a size or a number at the scale, at least the least that makes sense.
func (b Bench) scaled(n, least int64) int64 {
	return max(int64(math.Round(float64(n)*b.Scale)), least)
}

// self is this program's file. It may have been rebuilt or removed since it was started; Linux still knows it.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
