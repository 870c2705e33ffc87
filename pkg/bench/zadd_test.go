package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
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
	call := []any{"ZADD", key}
	send := func() error {
		defer func() { call = call[:2] }()
		return z.rdb.Do(ctx, call...).Err()
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20) // longer than any word that is counted
	for lines.Scan() {
		n, word, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			return words, fmt.Errorf("line %d is not a count and a word", words+1)
		}
		words++
		if call = append(call, n, word); len(call) == 2+2*zaddWords {
			if err := send(); err != nil {
				return words, err
			}
		}
	}
	if err := lines.Err(); err != nil || len(call) == 2 {
		return words, err
	}
	return words, send()
}
