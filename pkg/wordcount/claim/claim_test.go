package claim

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// lease is longer than any test takes.
const lease = 10 * time.Minute

// claimer makes one for a worker in the middle of the maps.
func claimer(h *wordcounttest.Job, name string, lease time.Duration) *Claimer {
	c := New(Consumer{Client: h.Client, Name: name, Lease: lease}, &Leases{}, nil)
	c.Run, c.Phase = h.Run, protocol.Mapping
	return c
}

func TestATaskThatIsDeletedUnderItsOwnerIsNoticed(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	ctx := t.Context()
	h.Take("map", "w", wordcounttest.Tasks)
	check.Must(t, h.Client.Redis.XDel(ctx, h.Client.Job.Key("map"), "2-0").Err())
	_, err := claimer(h, "w", lease).reread(ctx)
	check.IsError(t, err, protocol.ErrState, "task 2 was deleted", "clean")
	if stolen, err := claimer(h, "thief", 0).expired(ctx, wordcounttest.Tasks); err != nil || len(stolen) != 2 {
		t.Errorf("stolen: %v, %v", stolen, err)
	}
}
