package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
)

// frozenFor is how long PauseRedis stops the server. It is long enough for clients to notice.
const frozenFor = 3 * time.Second

// cutFor is how long DropReplies cuts connections.
const cutFor = time.Second

// RestartRedis kills the server as a crash would, together with a checkpoint that is being written.
// The supervisor must start it again, because nobody else does. RestartRedis returns the time from
// the server's first answer until the job moved again.
func (a Attack) RestartRedis(ctx context.Context) (time.Duration, error) {
	return a.outage(ctx, "killed redis", func() error { return a.Server.Kill(ctx) })
}

// RollbackRedis does the same as RestartRedis, and replaces the last checkpoint by the oldest one
// that is kept.
func (a Attack) RollbackRedis(ctx context.Context) (time.Duration, error) {
	return a.outage(ctx, "killed redis and put an older checkpoint in place", func() error { return a.Server.Rollback(ctx) })
}

// CorruptCheckpoint does the same as RestartRedis, and flips a bit in the last checkpoint. It waits
// for a checkpoint first.
func (a Attack) CorruptCheckpoint(ctx context.Context) (time.Duration, error) {
	if !a.Server.Owned() {
		return 0, redisd.ErrGiven
	}
	_, err := a.until(ctx, func(protocol.Status) bool {
		kept, _ := a.Server.Kept() // an error is treated as none, because until looks again
		return len(kept) > 0
	})
	if err != nil {
		return 0, err
	}
	return a.outage(ctx, "killed redis and damaged its last checkpoint", func() error { return a.Server.Corrupt(ctx) })
}

// outage ends the server and reports what that cost. It shows the job's keys before and after.
func (a Attack) outage(ctx context.Context, what string, end func() error) (time.Duration, error) {
	if !a.Server.Owned() {
		return 0, redisd.ErrGiven
	}
	before, err := a.saved(ctx)
	if err != nil {
		return 0, err
	}
	a.show(ctx, "before: ")
	if err := end(); err != nil {
		return 0, err
	}
	ended := time.Now()
	restored, err := a.status(ctx) // the old server is dead, so the new one answers
	if err != nil {
		return 0, err
	}
	away := time.Since(ended)
	a.show(ctx, "after:  ")
	recovery, err := a.moves(ctx)
	if err == nil {
		a.Say("%s, with %d of %d maps done: back %s, %d to redo", what, before.Mapped, before.Maps, after(away), toRedo(before, restored))
	}
	return recovery, err
}

// toRedo returns how many maps were lost by an outage. A checkpoint of an earlier run of the job
// brings back nothing, because the supervisor deletes that run.
func toRedo(before, restored protocol.Status) int {
	if restored.Run != before.Run {
		return before.Mapped
	}
	return max(0, before.Mapped-restored.Mapped)
}

// saved waits until a checkpoint holds some work and memory holds more. Only then does the outage
// show both what a checkpoint saves and what is lost. If Hasty is set, or nothing saves with
// BGSAVE, pending tasks are enough.
func (a Attack) saved(ctx context.Context) (protocol.Status, error) {
	saves, last, inLast := -1, -1, 0 // inLast: maps that the last checkpoint may have
	return a.until(ctx, func(st protocol.Status) bool {
		if a.Hasty || a.Durability != checkpoint.BGSave {
			return st.Pending() > 0
		}
		now := a.saves(ctx)
		if now != last {
			last, inLast = now, st.Mapped
		}
		if saves < 0 && st.Mapped > 0 {
			saves = now
		}
		// One more checkpoint is not enough, because it may have begun before the commit.
		saved := saves >= 0 && now > saves+1
		return saved && st.Pending() > 0 && (st.Mapped > inLast || st.Phase != protocol.Mapping)
	})
}

// PauseRedis stops the server for frozenFor. It returns the time from the end of the pause until
// the job moved again.
func (a Attack) PauseRedis(ctx context.Context) (time.Duration, error) {
	if err := a.Server.Freeze(ctx); err != nil {
		return 0, err
	}
	a.Say("paused redis for %s", frozenFor)
	select {
	case <-time.After(frozenFor):
	case <-ctx.Done():
	}
	if err := a.Server.Thaw(context.WithoutCancel(ctx)); err != nil {
		return 0, err
	}
	return a.moves(ctx)
}

// DropReplies cuts all connections of the job, repeatedly, for cutFor. A command that runs while
// its connection is cut takes effect, but its reply is lost. If there is no connection, DropReplies
// waits for one, because otherwise it would show nothing. It says how many connections it cut and
// how many replies were lost, and returns the time from the last cut until the job moved again.
func (a Attack) DropReplies(ctx context.Context) (time.Duration, error) {
	if !a.Server.Owned() {
		return 0, redisd.ErrGiven // a given server has clients of other people
	}
	cuts, lost := 0, 0
	var failed error
	// Another fault may keep all clients away for a time.
	for start := time.Now(); time.Since(start) < cutFor || cuts == 0 && a.alive(); {
		n, replies, err := a.cut(ctx)
		if err != nil {
			failed = err // another fault may have ended the server
		}
		cuts, lost = cuts+n, lost+replies
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	if cuts == 0 {
		return 0, errors.Join(ErrOver, failed)
	}
	a.Say("cut %d connections, and lost %d replies", cuts, lost)
	return a.moves(ctx)
}

// cut cuts all connections except those of the attack. It returns how many it cut, and on how many
// of them a reply was lost: the command had run, and the reply was not yet written.
func (a Attack) cut(ctx context.Context) (cuts, lost int, err error) {
	var ours, list *redis.StringCmd
	// In a transaction nothing happens between the list and the cut.
	_, err = a.Redis.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		ours, list = tx.ClientGetName(ctx), tx.ClientList(ctx)
		tx.ClientKillByFilter(ctx, "SKIPME", "yes")
		return nil
	})
	for client := range strings.Lines(list.Val()) {
		if strings.Contains(client, " name="+ours.Val()+" ") {
			continue
		}
		cuts++
		if !strings.Contains(client, " obl=0 oll=0 ") {
			lost++
		}
	}
	return cuts, lost, err
}

// saves returns how many checkpoints the server has completed since its start.
func (a Attack) saves(ctx context.Context) (n int) {
	info := a.Redis.InfoMap(ctx, "persistence") // without an answer the count is 0
	n, _ = strconv.Atoi(info.Item("Persistence", "rdb_saves"))
	return n
}

// show passes a line with the job's keys to Show, if Show is set.
func (a Attack) show(ctx context.Context, when string) {
	if a.Show != nil {
		a.Show(when + a.keys(ctx))
	}
}

// keys describes the job's keys in one line: the name, type and size of each key that exists.
func (a Attack) keys(ctx context.Context) string {
	var there []string
	for _, key := range a.Plan.Job.Keys() {
		size, kind := a.size(ctx, key)
		_, name, _ := strings.Cut(key, "}:")
		if size > 0 {
			there = append(there, fmt.Sprintf("%s (%s, %d)", name, kind, size))
		}
	}
	if len(there) == 0 {
		return "no keys"
	}
	return strings.Join(there, ", ")
}

func (a Attack) size(ctx context.Context, key string) (n int64, kind string) {
	kind, _ = a.Redis.Type(ctx, key).Result() // an error counts as no key: this only informs people
	var cmd *redis.IntCmd
	switch kind {
	case "hash":
		cmd = a.Redis.HLen(ctx, key)
	case "stream":
		cmd = a.Redis.XLen(ctx, key)
	case "zset":
		cmd = a.Redis.ZCard(ctx, key)
	default:
		return 0, kind
	}
	n, _ = cmd.Result()
	return n, kind
}
