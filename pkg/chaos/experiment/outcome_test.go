package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

var faults = []chaos.Fault{chaos.KillWorker, chaos.PauseRedis, chaos.RestartRedis, chaos.DropReplies}

func TestEachFaultHasAnOutcomeAndADifferenceIsTheWorstError(t *testing.T) {
	t.Parallel()
	failures := map[string]error{
		"pauseRedis":   fmt.Errorf("%w: the supervisor ended without a result", wordcount.ErrIncomplete),
		"restartRedis": fmt.Errorf("%w: 1 missing", wordcount.ErrDifferent),
	}
	outcomes, err := each(t.Context(), faults, func(f chaos.Fault) (Outcome, error) {
		return Outcome{Recovery: time.Second, Redone: 1}, failures[f.Name]
	})
	if len(outcomes) != len(faults) {
		t.Fatalf("%d outcomes: %+v", len(outcomes), outcomes)
	}
	for i, o := range outcomes {
		if o.Fault.Name != faults[i].Name || !errors.Is(o.Err, failures[o.Fault.Name]) || (o.Err == nil) != (o.Redone == 1 && o.Recovery == time.Second) {
			t.Errorf("%s: %+v", faults[i].Name, o)
		}
	}
	if !errors.Is(err, wordcount.ErrDifferent) || !strings.HasPrefix(err.Error(), "2 faults were not exact; restartRedis: different: ") {
		t.Errorf("it ends with %v", err)
	}

	if _, err := each(t.Context(), faults, func(chaos.Fault) (Outcome, error) { return Outcome{}, nil }); err != nil {
		t.Errorf("all exact: %v", err)
	}
}

func TestAnInterruptionKeepsTheOutcomesBeforeIt(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	outcomes, err := each(ctx, faults, func(f chaos.Fault) (Outcome, error) {
		if f.Name == "pauseRedis" {
			interrupt()
		}
		return Outcome{}, ctx.Err()
	})
	if len(outcomes) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, after %+v", err, outcomes)
	}
}
