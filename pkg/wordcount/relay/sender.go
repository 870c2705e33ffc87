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
	sendEvery  = time.Second
	quietFor   = 10 * time.Second       // after there was no stream: perhaps nobody wants events
	lastWithin = 150 * time.Millisecond // to send what is left, when the process leaves
)

// Sender sends what a process writes to its journal. Hurry may be called by any goroutine. A nil
// Sender does nothing.
type Sender struct {
	client  protocol.Client
	name    string
	journal string // its ID
	most    int64  // entries of the stream
	outbox  event.Outbox
	hurry   chan struct{}
}

// NewSender makes a sender of what is written to a journal from now on. name is unlike that of any
// other sender.
func NewSender(client protocol.Client, name string, from *event.Journal) *Sender {
	most := length(client.Budget)
	if from == nil || most == 0 {
		return nil
	}
	s := &Sender{client: client, name: name, journal: from.ID(), most: most, hurry: make(chan struct{}, 1)}
	from.CopyTo(&s.outbox)
	return s
}

// Hurry makes the sender send what it has at once.
func (s *Sender) Hurry() {
	if s == nil {
		return
	}
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, and then what is left.
func (s *Sender) Run(ctx context.Context) {
	if s == nil {
		return
	}
	ticker := time.NewTicker(sendEvery)
	defer ticker.Stop()
	var quiet time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer cancel()
			s.send(last)
			return
		case <-ticker.C:
		case <-s.hurry:
		}
		if time.Now().After(quiet) && !s.send(ctx) {
			quiet = time.Now().Add(quietFor)
		}
	}
}

// send sends all batches. It returns false if there is no stream. A batch whose answer is lost is sent
// again, under its number.
func (s *Sender) send(ctx context.Context) (wanted bool) {
	for {
		batch, ok := s.outbox.Next()
		if !ok {
			return true
		}
		if err := s.add(ctx, batch); err != nil {
			return !errors.Is(err, redis.Nil)
		}
		s.outbox.Sent()
	}
}

// add adds a batch to the stream. The error is redis.Nil if there is none.
func (s *Sender) add(ctx context.Context, b event.Batch) error {
	return s.client.Redis.XAdd(ctx, &redis.XAddArgs{
		Stream: s.client.Job.EventsKey(), NoMkStream: true, MaxLen: s.most, Approx: true,
		Values: []any{from, s.name, number, b.N, journal, s.journal, sent, time.Now().UnixMilli(), lines, b.Lines},
	}).Err()
}
