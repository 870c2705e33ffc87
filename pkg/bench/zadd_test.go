package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// zaddWords is how many words one ZADD has: as many as one call of a worker.
const zaddWords = 10_000

// bareZADD is what the sorted set costs at least: the words that a job before it has exported, in the
// same order, by one connection and nothing else. Its CPU is that of Redis alone.
type bareZADD struct {
	*server
	of *job
}

func (z bareZADD) count(ctx context.Context, _ corpusDir, _ bool) (s sample, err error) {
	const key = "bare"
	if err := z.rdb.Del(ctx, key).Err(); err != nil {
		return s, err
	}
	s, err = z.around(ctx, func() (sample, error) {
		began := time.Now()
		words, err := z.add(ctx, key)
		s := sample{seconds: time.Since(began).Seconds(), spent: map[string]float64{}}
		if err == nil && z.rdb.ZCard(ctx, key).Val() != words {
			err = errors.New("the sorted set has not all words")
		}
		return s, err
	})
	if err == nil {
		s.tally, err = readTally(z.of.exported())
	}
	return s, err
}

// add adds all words to a sorted set, and returns how many there are.
func (z bareZADD) add(ctx context.Context, key string) (words int64, err error) {
	file, err := os.Open(z.of.exported())
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 4<<20)
	call := []any{"ZADD", key}
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		if n, word, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("\t")); ok {
			call = append(call, n, word)
			words++
		} else if err == nil {
			err = fmt.Errorf("line %d is not a count and a word", words+1)
		}
		if len(call) == 2+2*zaddWords || errors.Is(err, io.EOF) && len(call) > 2 {
			if failed := z.rdb.Do(ctx, call...).Err(); failed != nil {
				return words, failed
			}
			call = call[:2]
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return words, err
}
