package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// RestartRedis kills the server as a crash would, its running checkpoint included, and returns when the job moves
// again. The supervisor has to start the server; nobody else does. The job's keys are shown before and after.
func (a Attack) RestartRedis(ctx context.Context) error {
	if !a.Server.Owned() {
		return redisd.ErrGiven
	}
	// With something in a checkpoint, and something more in memory only, there is something to see.
	saves := -1
	before, err := a.until(ctx, func(st wordcount.Status) bool {
		if a.Durability != wordcount.BGSave {
			return st.Pending() > 0
		}
		now := a.saves(ctx)
		if saves < 0 && st.Mapped > 0 {
			saves = now
		}
		return saves >= 0 && now > saves+1 && st.Pending() > 0 // the next to end may have begun before the commit
	})
	if err != nil {
		return err
	}
	a.Say("before the kill: %s", a.keys(ctx))
	if err := a.Server.Kill(ctx); err != nil {
		return err
	}
	killed := time.Now()
	a.Say("killed redis: %d of %d maps were done", before.Mapped, before.Maps)

	// The old server is gone, so whatever answers now is the new one.
	restored, err := a.status(ctx)
	if err != nil {
		return err
	}
	answered := time.Now()
	a.Say("after the restore: %s", a.keys(ctx))
	_, err = a.until(ctx, func(st wordcount.Status) bool {
		return st.Mapped+st.Reduced > restored.Mapped+restored.Reduced || st.Phase == "done"
	})
	if err != nil {
		return err
	}
	a.Say("back after %s with %d of %d maps; %d to redo; the next task was committed %s later",
		answered.Sub(killed).Round(time.Millisecond), restored.Mapped, restored.Maps, max(0, before.Mapped-restored.Mapped),
		time.Since(answered).Round(time.Millisecond))
	return nil
}

// saves is how many checkpoints the server has completed in this life.
func (a Attack) saves(ctx context.Context) (n int) {
	info, _ := a.Redis.Info(ctx, "persistence").Result() // without an answer none is known of
	for line := range strings.Lines(info) {
		fmt.Sscanf(line, "rdb_saves:%d", &n)
	}
	return n
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
