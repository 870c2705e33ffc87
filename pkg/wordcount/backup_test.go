package wordcount

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// The slow worker holds its task for an hour, alive and renewing its lease: nobody may rob it, so
// only a backup can bring the job to its end.
func TestAnIdleWorkerDoesAStragglersTask(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(10, 30))
	r.lease = 10 * time.Minute
	r.faults = "slow=1h:1"
	sealed := r.exact(plan.Options{Split: 100, Reducers: 3})
	if r.team.Restarts() != 0 || sealed.Redone != 0 {
		t.Errorf("%d workers replaced, %d tasks redone: it should not have come to that", r.team.Restarts(), sealed.Redone)
	}
}
