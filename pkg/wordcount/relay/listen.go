package relay

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	hearEvery   = 500 * time.Millisecond
	hearWithin  = time.Second
	page        = 100                               // entries of one read
	bytesMost   = 4 * entriesMost * event.BatchMost // of a stream; no senders make a larger one
	sendersMost = 1 << 16
)

// Listener appends what senders have sent to the journal of a supervisor. It is for one goroutine. A
// nil Listener does nothing.
type Listener struct {
	client  protocol.Client
	journal *event.Journal
	most    int64             // entries of the stream
	heard   map[string]uint64 // the last batch of each sender
	life    string            // of the server
	last    string            // what was read last, as the beginning of a range
	at      time.Time
}

// NewListener makes a listener.
func NewListener(client protocol.Client, to *event.Journal) *Listener {
	most := length(client.Budget)
	if to == nil || most == 0 {
		return nil
	}
	return &Listener{client: client, journal: to, most: most, heard: event.Copied(to.Path()), last: "-"}
}

// Hear appends what has come, if some time has passed since the last call. life is the present life of
// the server. In another one the whole stream is read again, because entries may be gone, and others
// may have their IDs.
func (l *Listener) Hear(ctx context.Context, life string) {
	if l == nil || time.Since(l.at) < hearEvery && life == l.life {
		return
	}
	if life != l.life {
		l.life, l.last = life, "-"
	}
	l.hear(ctx)
}

// End appends what has come, and deletes the stream.
func (l *Listener) End(ctx context.Context) {
	if l != nil {
		l.hear(ctx)
		l.client.Redis.Unlink(ctx, l.client.Job.EventsKey())
	}
}

func (l *Listener) hear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hearWithin)
	defer cancel()
	l.at = time.Now()
	key := l.client.Job.EventsKey()
	size, err := l.client.Redis.MemoryUsage(ctx, key, 0).Result()
	switch {
	case errors.Is(err, redis.Nil):
		l.last = "-"
		l.client.Redis.XAdd(ctx, &redis.XAddArgs{Stream: key, MaxLen: l.most, Approx: true, Values: []any{from, ""}})
		return
	case err != nil:
		return
	case size > bytesMost: // somebody else has written to it
		l.client.Redis.Unlink(ctx, key)
		return
	}
	for {
		entries, err := l.client.Redis.XRangeN(ctx, key, l.last, "+", page).Result()
		if err != nil {
			return
		}
		for _, e := range entries {
			l.last = "(" + e.ID
			l.take(e)
		}
		if len(entries) < page {
			return
		}
	}
}

// take appends an entry, unless it was appended before, or is of the journal itself: a host may join
// from the folder of the supervisor.
func (l *Listener) take(e redis.XMessage) {
	b, ok := batchOf(e)
	before, known := l.heard[b.from]
	if !ok || b.journal == l.journal.ID() || b.n <= before || !known && len(l.heard) >= sendersMost {
		return
	}
	if l.journal.Copy(b.from, b.n, eventsOf(b, time.Now())) {
		l.heard[b.from] = b.n
	}
}
