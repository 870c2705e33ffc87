package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// frozenFor is how long PauseRedis stops the server: long enough that clients notice.
const frozenFor = 3 * time.Second

// cutFor is how long DropReplies keeps cutting connections.
const cutFor = time.Second

// RestartRedis kills the server as a crash would, its running checkpoint included. The supervisor has to start it;
// nobody else does. It returns how long the job took to move again once the server answered.
func (a Attack) RestartRedis(ctx context.Context) (time.Duration, error) {
	return a.outage(ctx, "killed redis", func() error { return a.Server.Kill(ctx) })
}

// RollbackRedis kills the server and puts the oldest kept checkpoint in the place of its last one. Else it is as
// RestartRedis.
func (a Attack) RollbackRedis(ctx context.Context) (time.Duration, error) {
	return a.outage(ctx, "killed redis and put an older checkpoint in place", func() error { return a.Server.Rollback(ctx) })
}

// CorruptCheckpoint kills the server and flips a bit in its last checkpoint, once there is one. Else it is as RestartRedis.
func (a Attack) CorruptCheckpoint(ctx context.Context) (time.Duration, error) {
	if !a.Server.Owned() {
		return 0, redisd.ErrGiven
	}
	_, err := a.until(ctx, func(protocol.Status) bool {
		kept, _ := a.Server.Kept() // an error is none: we look again
		return len(kept) > 0
	})
	if err != nil {
		return 0, err
	}
	return a.outage(ctx, "killed redis and damaged its last checkpoint", func() error { return a.Server.Corrupt(ctx) })
}

// outage ends the server, and tells what that cost. It shows the job's keys before and after.
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
	restored, err := a.status(ctx) // the old server is gone: what answers is the new one
	if err != nil {
		return 0, err
	}
	away := time.Since(ended)
	a.show(ctx, "after:  ")
	recovery, err := a.moves(ctx)
	if err == nil {
		a.Say("%s, with %d of %d maps done: back %s, %d to redo", what, before.Mapped, before.Maps, after(away),
			max(0, before.Mapped-restored.Mapped))
	}
	return recovery, err
}

// saved waits until there is something in a checkpoint, and something more in memory only: then there is something to
// see.
func (a Attack) saved(ctx context.Context) (protocol.Status, error) {
	saves := -1
	return a.until(ctx, func(st protocol.Status) bool {
		if a.Hasty || a.Durability != supervisor.BGSave {
			return st.Pending() > 0
		}
		now := a.saves(ctx)
		if saves < 0 && st.Mapped > 0 {
			saves = now
		}
		return saves >= 0 && now > saves+1 && st.Pending() > 0 // the next to end may have begun before the commit
	})
}

// PauseRedis stops the server for some seconds. It returns how long the job took to move again once it went on.
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

// DropReplies cuts every connection of the job, again and again: a command that runs while its connection is cut has
// its effect, and its reply is lost. It says how many it cut and how many replies were lost with them, and waits for one
// if there is none to cut, for that would show nothing. It returns how long the job took to move again after the last cut.
func (a Attack) DropReplies(ctx context.Context) (time.Duration, error) {
	if !a.Server.Owned() {
		return 0, redisd.ErrGiven // the other clients are not ours to judge
	}
	cuts, lost := 0, 0
	var failed error
	for start := time.Now(); time.Since(start) < cutFor || cuts == 0 && a.alive(); { // another fault may keep all away
		n, replies, err := a.cut(ctx)
		if err != nil {
			failed = err // another fault may be cutting, too
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

// cut cuts all connections but those of the attack, and returns how many there were, and how many of them had a reply to
// a command that was done and not yet written to them.
func (a Attack) cut(ctx context.Context) (cuts, lost int, err error) {
	var ours, list *redis.StringCmd
	_, err = a.Redis.TxPipelined(ctx, func(tx redis.Pipeliner) error { // nothing happens between the look and the cut
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

// saves is how many checkpoints the server has completed in this life.
func (a Attack) saves(ctx context.Context) (n int) {
	info := a.Redis.InfoMap(ctx, "persistence") // without an answer the count is unknown: 0
	n, _ = strconv.Atoi(info.Item("Persistence", "rdb_saves"))
	return n
}

// show shows the job's keys, if anybody wants to see them.
func (a Attack) show(ctx context.Context, when string) {
	if a.Show != nil {
		a.Show(when + a.keys(ctx))
	}
}

// keys describes the job's keys in one line: name, type and size of each that is there.
func (a Attack) keys(ctx context.Context) string {
	var there []string
	lists, entries := 0, int64(0)
	for _, key := range a.Plan.Job.Keys() {
		size, kind := a.size(ctx, key)
		_, name, _ := strings.Cut(key, "}:")
		switch {
		case size == 0:
		case kind == "list":
			lists, entries = lists+1, entries+size
		default:
			there = append(there, fmt.Sprintf("%s (%s, %d)", name, kind, size))
		}
	}
	if lists > 0 {
		there = append(there, fmt.Sprintf("part:* (%d lists, %d blobs)", lists, entries))
	}
	if len(there) == 0 {
		return "no keys"
	}
	return strings.Join(there, ", ")
}

func (a Attack) size(ctx context.Context, key string) (n int64, kind string) {
	kind, _ = a.Redis.Type(ctx, key).Result() // an error is no key: this is for people to look at
	var cmd *redis.IntCmd
	switch kind {
	case "hash":
		cmd = a.Redis.HLen(ctx, key)
	case "stream":
		cmd = a.Redis.XLen(ctx, key)
	case "zset":
		cmd = a.Redis.ZCard(ctx, key)
	case "list":
		cmd = a.Redis.LLen(ctx, key)
	default:
		return 0, kind
	}
	n, _ = cmd.Result()
	return n, kind
}
