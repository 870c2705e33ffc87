package protocol

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/dustin/go-humanize"
	"github.com/redis/go-redis/v9"
)

// ErrBudget reports that a job takes, or would take, more memory of a given server than its budget
// allows. The next run resumes if it has a larger budget.
var ErrBudget = fmt.Errorf("%w", ErrRedis)

// Budget is the memory of a given server that a job may take. The zero value sets no limit.
//
// Every call that adds to the job looks first at what the job takes. Callers don't wait for each
// other, so all of them may add something after the same look. That may exceed the budget by a
// tenth, and no more: a call that could is not made.
type Budget struct {
	Bytes   int64 // 0: no limit
	Callers int   // that may add to the job at the same time; 0: one
}

// Share is how much one call may add, so that all callers together stay within a tenth. It is 0 if
// there is no limit.
func (b Budget) Share() int64 {
	if b.Bytes <= 0 {
		return 0
	}
	return max(1, b.Bytes/10/int64(max(1, b.Callers)))
}

// Exceeded returns an error that wraps ErrBudget if the job takes more than the budget.
func (b Budget) Exceeded(used int64) error {
	if b.Bytes <= 0 || used <= b.Bytes {
		return nil
	}
	return fmt.Errorf("%w: the job takes %s of the server's memory, its budget is %s", ErrBudget, iBytes(used), iBytes(b.Bytes))
}

func iBytes(n int64) string { return humanize.IBytes(uint64(n)) }

// samples is how many elements of a key are looked at to tell its size. Few are enough for keys
// whose elements are alike.
const samples = 100

// Weigh returns how much memory the job's keys take. The stream of events isn't counted: package
// relay bounds it by a small part of the budget, and it must not end a job.
func (c Client) Weigh(ctx context.Context) (used int64, err error) {
	used, _, err = c.weigh(ctx)
	return used, err
}

// weigh also returns how many words are in the sorted set.
func (c Client) weigh(ctx context.Context) (used, words int64, err error) {
	var counted *redis.IntCmd
	sizes := make([]*redis.IntCmd, 0, len(c.Job.Keys()))
	_, err = c.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		counted = p.ZCount(ctx, c.Job.Key("counts"), "-inf", "+inf")
		for _, key := range c.Job.Keys() {
			sizes = append(sizes, p.MemoryUsage(ctx, key, samples))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // redis.Nil: a key doesn't exist
		return 0, 0, Classify(err)
	}
	for _, size := range sizes {
		used += size.Val()
	}
	return used, counted.Val(), nil
}

// What an element takes in Redis beside its text, in bytes. Redis packs small keys, which then take
// less.
const (
	wordOverhead  = 104 // in the sorted set, without its table
	entryOverhead = 48  // in a stream
	taskOverhead  = 16  // in the ranges of an output's tasks

	outputOverhead = 256 // of an output, with its name and its host
)

// load is what a call adds to a job, at most.
type load struct {
	bytes int64 // without the words
	words int64 // new ones in the sorted set
	text  int64 // bytes of these words
}

// addWords adds words, which have their counts before or behind them.
func (l *load) addWords(words []any) {
	for _, w := range words {
		if word, ok := w.(string); ok {
			l.words, l.text = l.words+1, l.text+int64(len(word))
		}
	}
}

// weight is what several such loads add to a sorted set that has some words already. The set may get a
// new table whenever words are added: a server puts that off while it takes a checkpoint.
func (l load) weight(times, there int64) int64 {
	all, more := times*(l.bytes+l.text), times*l.words
	if more > 0 {
		all += more*wordOverhead + max(redisTable.size(there+more), valkeyTable.size(there+more))
	}
	return all
}

// table is how a server lays out the table of a sorted set: buckets, of which the number is a power of
// two.
type table struct{ elements, bytes int64 } // of a bucket

var (
	redisTable  = table{elements: 1, bytes: 8}  // a pointer to a list, as in Redis's dict.c
	valkeyTable = table{elements: 7, bytes: 64} // a cache line, as in hashtable.c since Valkey 8.1
)

// size returns how many bytes the table of a set takes, by the number of its elements.
func (t table) size(elements int64) int64 {
	return t.bytes << bits.Len64(uint64((elements-1)/t.elements))
}

// room returns an error that wraps ErrBudget if calls that add such a load could exceed the budget
// by more than a tenth. A user who may not see what keys take is not held up: the supervisor tells
// people.
func (c Client) room(ctx context.Context, adding load) error {
	b := c.Budget
	if b.Bytes <= 0 {
		return nil
	}
	used, words, err := c.weigh(ctx)
	more := adding.weight(int64(max(1, b.Callers)), words)
	switch {
	case Transient(err):
		return err
	case err != nil, used+more <= b.Bytes+b.Bytes/10:
		return nil
	}
	if err := b.Exceeded(used); err != nil {
		return err
	}
	return fmt.Errorf("%w: the job takes %s of the server's memory, and the next calls may add %s: its budget is %s",
		ErrBudget, iBytes(used), iBytes(more), iBytes(b.Bytes))
}
