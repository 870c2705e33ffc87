package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// world is a job's stream between two hosts: one that joins, and the supervisor's.
type world struct {
	*testing.T
	server *redistest.Server
	client protocol.Client
	guest  *event.Journal
	sender *Sender
	path   string // of the supervisor's journal
	host   *event.Journal
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, server: redistest.Start(t), path: filepath.Join(t.TempDir(), "host")}
	w.client = protocol.Client{Redis: w.server.Client(t), Job: protocol.Job{ID: "0123456789abcdef"}}
	w.guest, w.host = event.Open(filepath.Join(t.TempDir(), "guest"), event.WorkerMost, "worker", "guest-1"), event.Open(w.path, event.SupervisorMost)
	t.Cleanup(w.guest.Close)
	t.Cleanup(w.host.Close)
	w.sender = NewSender(w.client, "guest-1", w.guest)
	return w
}

func (w *world) listener() *Listener { return NewListener(w.client, w.host) }

// does writes that the guest does a task, and sends it.
func (w *world) does(task int) {
	w.Helper()
	w.guest.Write(event.Attempt, slog.String("stream", "map"), slog.String("tasks", fmt.Sprint(task)))
	if !w.sender.send(w.Context()) {
		w.Fatal("there is no stream")
	}
}

// tasks are those of the attempts in the supervisor's journal, in its order.
func (w *world) tasks() string {
	w.Helper()
	records, left, err := event.Load(w.path)
	check.Must(w, err)
	if left > 0 {
		w.Errorf("%d lines are no events", left)
	}
	var all []string
	for _, r := range records {
		if r.Name != event.Heard {
			all = append(all, r.Name+" "+r.Worker+" "+r.Tasks)
		}
	}
	return strings.Join(all, ", ")
}

func (w *world) expect(want string) {
	w.Helper()
	if got := w.tasks(); got != want {
		w.Errorf("the journal has %q, want %q", got, want)
	}
}

// again makes a listener hear at once.
func again(ctx context.Context, l *Listener, life string) {
	l.at = time.Time{}
	l.Hear(ctx, life)
}

func TestEachEventOfAHostThatJoinedComesOnce(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	l := w.listener()
	l.Hear(ctx, "a")
	w.does(1)
	// The answer to the second batch is lost, so it is sent twice.
	w.guest.Write(event.Attempt, slog.String("stream", "map"), slog.String("tasks", "2"))
	batch, _ := w.sender.outbox.Next()
	check.Must(t, w.sender.add(ctx, batch))
	w.sender.send(ctx)
	again(ctx, l, "a")
	again(ctx, l, "a")
	w.expect("attempt guest-1 1, attempt guest-1 2")
	// The supervisor is killed, and its successor reads the whole stream.
	w.does(3)
	successor := w.listener()
	successor.Hear(ctx, "a")
	w.expect("attempt guest-1 1, attempt guest-1 2, attempt guest-1 3")
	successor.End(ctx)
	if n := w.client.Redis.Exists(ctx, w.client.Job.EventsKey()).Val(); n != 0 {
		t.Error("the stream outlives the job")
	}
}

func TestARollbackTakesNoEventThatWasHeardAndBringsNoneAgain(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	l := w.listener()
	l.Hear(ctx, "a")
	w.does(1)
	again(ctx, l, "a")
	dump := w.server.Checkpoint(t)
	w.does(2)
	again(ctx, l, "a")
	w.does(3) // nobody hears it
	w.server.Restore(t, dump)
	w.does(4)
	again(ctx, l, "b")
	w.expect("attempt guest-1 1, attempt guest-1 2, attempt guest-1 4")
	// The server comes back without anything.
	w.server.Restore(t, nil)
	w.guest.Write(event.Leave)
	if w.sender.send(ctx) {
		t.Error("a sender has made a stream")
	}
	again(ctx, l, "c")
	w.does(5)
	again(ctx, l, "c")
	w.expect("attempt guest-1 1, attempt guest-1 2, attempt guest-1 4, leave guest-1 , attempt guest-1 5")
}

func TestWhereNobodyWantsEventsThereIsNoStream(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.guest.Write(event.Leave)
	running, stop := context.WithCancel(ctx)
	stop()
	w.sender.Run(running)
	if keys := w.client.Redis.Keys(ctx, "*").Val(); len(keys) > 0 {
		t.Errorf("the server has %q", keys)
	}
	small := w.client
	small.Budget.Bytes = entriesLeast*budgetPart*event.BatchMost - 1
	if NewSender(small, "guest-1", w.guest) != nil || NewListener(small, w.host) != nil {
		t.Error("a job with a small budget has a stream")
	}
	none := NewListener(w.client, nil)
	none.Hear(ctx, "a")
	none.End(ctx)
	NewSender(w.client, "guest-1", nil).Hurry()
}

func TestTheLastEventsAreSentWhenTheProcessLeaves(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	l := w.listener()
	l.Hear(ctx, "a")
	running, stop := context.WithCancel(ctx)
	stop()
	w.guest.Write(event.Leave)
	w.sender.Run(running)
	again(ctx, l, "a")
	w.expect("leave guest-1 ")
}

func TestTheStreamIsBounded(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.client.Budget.Bytes = 10 * budgetPart * event.BatchMost
	w.sender = NewSender(w.client, "guest-1", w.guest)
	l := w.listener()
	l.Hear(ctx, "a")
	for n := range 40 {
		w.guest.Write(event.Failed, slog.String("why", strings.Repeat("x", 15000)))
		w.does(n + 1)
	}
	used, err := w.client.Redis.MemoryUsage(ctx, w.client.Job.EventsKey(), 0).Result()
	if err != nil || used > 2*w.client.Budget.Bytes/budgetPart {
		t.Errorf("it takes %d bytes, %v", used, err)
	}
	again(ctx, l, "a")
	if got := w.tasks(); !strings.HasSuffix(got, "attempt guest-1 40") {
		t.Errorf("the journal lacks the newest events: %q", got)
	}
}

func TestAHostThatJoinsFromTheFolderOfTheSupervisorIsHeardOnce(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.guest = event.Open(w.path, event.WorkerMost, "worker", "guest-1")
	t.Cleanup(w.guest.Close)
	w.sender = NewSender(w.client, "guest-1", w.guest)
	l := w.listener()
	l.Hear(ctx, "a")
	w.does(1)
	again(ctx, l, "a")
	w.expect("attempt guest-1 1")
}

func TestWhatSomebodyElseWritesIntoTheStreamIsBoundedAndNotBelieved(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	l := w.listener()
	l.Hear(ctx, "a")
	rdb, key, now := w.client.Redis, w.client.Job.EventsKey(), time.Now()
	n := 0
	add := func(who string, text string) {
		t.Helper()
		n++
		check.Must(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{
			from, who, number, n, journal, "another", sent, time.Now().UnixMilli(), lines, text,
		}}).Err())
	}
	line := func(r event.Record) string {
		text, err := json.Marshal(r)
		check.Must(t, err)
		return string(text) + "\n"
	}
	attempt := event.Record{Time: now, Name: event.Attempt, Who: event.Who{Worker: "w"}, Work: event.Work{Tasks: "7"}}
	for _, name := range []string{event.Sealed, event.Begin, event.Wiped, event.Heard, event.Outputs, event.Told, "else"} {
		r := attempt
		r.Name = name
		add("liar", line(r))
	}
	for _, at := range []time.Time{{}, now.Add(time.Hour), now.AddDate(-50, 0, 0), now.AddDate(100, 0, 0)} {
		r := attempt
		r.Time = at
		add("liar", line(r))
	}
	nobody := attempt
	nobody.Worker = ""
	for _, text := range []string{line(nobody), "nonsense\n\x00\n", "{\"msg\":", strings.Repeat("x", event.BatchMost+1), ""} {
		add("liar", text)
	}
	add(strings.Repeat("x", nameMost+1), line(attempt))
	check.Must(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"a", "b"}}).Err())
	w.does(1)
	again(ctx, l, "a")
	w.expect("attempt guest-1 1")

	// The clock of this one is wrong by an hour.
	behind := attempt
	behind.Time = time.Now().Add(-time.Hour)
	check.Must(t, rdb.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{
		from, "late", number, 1, journal, "another", sent, time.Now().Add(-time.Hour).UnixMilli(), lines, line(behind),
	}}).Err())
	again(ctx, l, "a")
	w.expect("attempt guest-1 1, attempt w 7")

	// A hundred megabytes.
	pipe := rdb.Pipeline()
	for range 10_000 {
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"a", strings.Repeat("x", 10_000)}})
	}
	_, err := pipe.Exec(ctx)
	check.Must(t, err)
	again(ctx, l, "a")
	if rdb.Exists(ctx, key).Val() != 0 {
		t.Error("a stream that no sender has made so large stays")
	}
	again(ctx, l, "a")
	w.does(2)
	again(ctx, l, "a")
	w.expect("attempt guest-1 1, attempt w 7, attempt guest-1 2")
}
