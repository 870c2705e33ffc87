package lab

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// The points at which the programs tell the lab where they are.
const (
	taken     = "taken"     // the worker has a text, and has done nothing with it
	counted   = "counted"   // the worker has counted the text, and Redis knows nothing of it
	between   = "between"   // a wrong worker has made the first of two calls
	committed = "committed" // the text is done
	idle      = "idle"      // the worker has found nothing to do, and stays
	added     = "added"     // the seeder has added a text
)

// task is an entry of the stream: its ID, and the file to count.
type task struct{ id, path string }

// fresh takes an entry that nobody was given yet.
func (w *worker) fresh(ctx context.Context) (*task, error) { return w.readGroup(ctx, ">") }

// own takes an entry that this worker was given before, and hasn't acknowledged: perhaps it died and
// was started again.
func (w *worker) own(ctx context.Context) (*task, error) { return w.readGroup(ctx, "0") }

func (w *worker) readGroup(ctx context.Context, from string) (*task, error) {
	replies, err := w.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: protocol.Group, Consumer: w.name, Streams: []string{w.stream, from}, Count: 1, Block: -1,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(replies) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return firstOf(replies[0].Messages), nil
}

// stolen takes an entry that another worker was given and hasn't acknowledged. The lease is zero,
// because only one process moves at a time, and the lab lets it steal only where a lesson wants that.
func (w *worker) stolen(ctx context.Context) (*task, error) {
	entries, _, err := w.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: w.stream, Group: protocol.Group, Consumer: w.name, MinIdle: 0, Start: "0-0", Count: 1,
	}).Result()
	return firstOf(entries), err
}

func firstOf(entries []redis.XMessage) *task {
	if len(entries) == 0 {
		return nil
	}
	path, _ := entries[0].Values["path"].(string)
	return &task{entries[0].ID, path}
}

// take takes an entry: one of its own, else a fresh one, else another worker's.
func (w *worker) take(ctx context.Context) (*task, error) {
	return first(ctx, w.own, w.fresh, w.stolen)
}

// first asks one after the other for a task, until one has one.
func first(ctx context.Context, ask ...func(context.Context) (*task, error)) (*task, error) {
	for _, from := range ask {
		if t, err := from(ctx); t != nil || err != nil {
			return t, err
		}
	}
	return nil, nil
}

// work counts texts until there is none to take, and commits each.
func (w *worker) work(ctx context.Context, take func(context.Context) (*task, error), commit func(*task, counts) error) error {
	for {
		t, err := take(ctx)
		if t == nil || err != nil {
			return err
		}
		if err := w.do(t, commit); err != nil {
			return err
		}
	}
}

// do counts one text and commits it.
func (w *worker) do(t *task, commit func(*task, counts) error) error {
	w.at(taken)
	words, err := countFile(t.path)
	if err != nil {
		return err
	}
	w.at(counted)
	if err := commit(t, words); err != nil {
		return err
	}
	w.at(committed)
	return nil
}

// add adds counts to the sorted set, as wrong workers do.
func (w *worker) add(ctx context.Context, to redis.Pipeliner, words counts) {
	for word, n := range words {
		to.ZIncrBy(ctx, w.counts, float64(n), word)
	}
}

// addAtOnce adds counts to the sorted set, and does nothing else.
func (w *worker) addAtOnce(ctx context.Context, words counts) error {
	_, err := w.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		w.add(ctx, pipe, words)
		return nil
	})
	return err
}

// acknowledge tells the group that a task is done.
func (w *worker) acknowledge(ctx context.Context, t *task) error {
	return w.redis.XAck(ctx, w.stream, protocol.Group, t.id).Err()
}
