package wordcount

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// damageInMidJob runs a job, takes two checkpoints of it, kills Redis, and does something to the last
// one. It tells whether the server then came back with the job or with nothing.
func damageInMidJob(t *testing.T, damage func(dump string) error) (r *rig, putAside int, resumed bool) {
	t.Helper()
	r = newRig(t, check.Texts(40, 30))
	r.faults = "slow=20ms:2"
	r.prepare(plan.Options{Direct: true}) // each task is a commit
	r.saved = func() error { return r.server.Keep("test") }
	struck, back := false, false
	r.reviveBy = func(ctx context.Context) error {
		_, err := redisd.Ensure(ctx, redisd.Config{Dir: filepath.Dir(r.server.DataDir)}, func(line string) { r.say("%s", line) })
		if err == nil && struck && !back {
			// Where there is no job the workers can do nothing, and it is seeded after this.
			back, resumed = true, r.status().Run == r.runID()
		}
		if err == nil {
			_, err = protocol.Library.Load(ctx, r.rdb)
		}
		return err
	}
	r.seen = func(st protocol.Status) {
		if struck || st.Mapped < 5 {
			return
		}
		struck = true
		for range 2 {
			check.Must(t, r.sup.Checkpoint(t.Context()))
		}
		r.server.Kill(t)
		check.Must(t, damage(filepath.Join(r.server.DataDir, "dump.rdb")))
	}
	sealed, err := r.runPrepared(t.Context())
	check.Must(t, err)
	r.check(sealed)
	if !struck || r.sup.Restarts() == 0 {
		t.Error("redis was not killed in the middle")
	}
	aside, err := filepath.Glob(filepath.Join(r.server.DataDir, "dump.rdb.damaged-*"))
	check.Must(t, err)
	return r, len(aside), resumed
}

func TestFault18ADamagedCheckpointIsPutAsideAndTheOneBeforeServes(t *testing.T) {
	for name, damage := range map[string]func(text []byte) []byte{
		"truncated":   func(text []byte) []byte { return text[:len(text)/2] },
		"bit-flipped": func(text []byte) []byte { text[len(text)/2] ^= 1; return text },
		"empty":       func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, aside, resumed := damageInMidJob(t, func(dump string) error {
				text, err := os.ReadFile(dump)
				if err != nil {
					return err
				}
				return os.WriteFile(dump, damage(text), 0o600)
			})
			if aside != 1 {
				t.Errorf("%d damaged checkpoints were put aside", aside)
			}
			if !resumed {
				t.Error("the server came back with nothing")
			}
			if r.said("put aside as dump.rdb.damaged-") != 1 || r.said("going back to ") != 1 {
				t.Error("nobody was told")
			}
		})
	}
}

func TestFault19AMissingCheckpointIsAStartFromNothing(t *testing.T) {
	t.Parallel()
	r, aside, resumed := damageInMidJob(t, os.Remove)
	if aside != 0 || resumed {
		t.Errorf("%d checkpoints were put aside; the job was there again: %v", aside, resumed)
	}
	if r.said("dump.rdb is missing") != 1 {
		t.Error("nobody was told")
	}
}

func TestAWorkerWithLittleMemoryPacksItsTableInMidSplit(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	// A worker looks at its table after each mebibyte. This is more, with far more words than the
	// table may hold.
	var text []byte
	for i := 0; len(text) < 3<<19; i++ {
		text = fmt.Appendf(text, "word%d another%d\n", i%100_000, i%1000)
	}
	check.Must(t, os.WriteFile(filepath.Join(r.input, "text"), text, 0o600))
	r.prepare(plan.Options{Reducers: 3})
	r.team.Worker.Memory = 1 << 20
	sealed, err := r.runPrepared(t.Context())
	check.Must(t, err)
	r.check(sealed)
	lists, err := r.rdb.Keys(t.Context(), r.plan.Job.Key("part:*")).Result()
	check.Must(t, err)
	if len(lists) != 0 {
		t.Errorf("%d lists of partial counts are left", len(lists))
	}
}
