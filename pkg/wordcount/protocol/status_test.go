package protocol

import (
	"testing"
)

func TestJobIsOverWhenNothingMoreHappensByItself(t *testing.T) {
	t.Parallel()
	held := map[string]int{"somebody": 1}
	for what, c := range map[string]struct {
		st   Status
		want bool
	}{
		"nothing delivered yet":        {Status{Phase: "map", Maps: 3}, false},
		"nothing pending, in a gap":    {Status{Phase: "map", Maps: 3, Mapped: 2}, false},
		"all maps done":                {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2}, false},
		"done":                         {Status{Phase: "done", Maps: 3, Mapped: 3}, true},
		"one buried, the rest to do":   {Status{Phase: "map", Maps: 3, Mapped: 1, Buried: 1}, false},
		"one buried, the rest pending": {Status{Phase: "map", Maps: 3, Mapped: 2, Buried: 1, PendingMaps: held}, false},
		"one buried, the rest done":    {Status{Phase: "map", Maps: 3, Mapped: 2, Seeded: 3, Buried: 1}, true},
		"a reduce buried":              {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1}, true},
		"a map buried, not all seeded": {Status{Phase: "map", Maps: 3, Mapped: 1, Seeded: 2, Buried: 1}, false},
		"a map buried, a reduce pending": {
			Status{Phase: "map", Maps: 3, Mapped: 2, Seeded: 3, Reducers: 2, Buried: 1, PendingReduces: held}, true,
		},
		"a reduce buried, one pending": {
			Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1, PendingReduces: held}, false,
		},
	} {
		if c.st.Over() != c.want {
			t.Errorf("%s: over is %v", what, !c.want)
		}
	}
}

func TestAJobIsStuckWhenItsTasksAreNowhere(t *testing.T) {
	t.Parallel()
	held := map[string]int{"somebody": 1}
	for what, c := range map[string]struct {
		st   Status
		want bool
	}{
		"nothing delivered yet":             {Status{Phase: "map", Maps: 3, WaitingMaps: true}, false},
		"all delivered":                     {Status{Phase: "map", Maps: 3, PendingMaps: held}, false},
		"one is nowhere":                    {Status{Phase: "map", Maps: 3, Mapped: 2}, true},
		"one is nowhere, others aren't":     {Status{Phase: "map", Maps: 3, Mapped: 1, PendingMaps: held}, false},
		"all done, and no phase follows":    {Status{Phase: "map", Maps: 3, Mapped: 3}, true},
		"reduces before their phase":        {Status{Phase: "map", Maps: 3, Mapped: 3, PendingReduces: held, WaitingReduces: true}, true},
		"one buried, the rest done":         {Status{Phase: "map", Maps: 3, Seeded: 3, Mapped: 2, Buried: 1}, false},
		"one buried, one nowhere: over":     {Status{Phase: "map", Maps: 3, Seeded: 3, Mapped: 1, Buried: 1}, false},
		"one buried, the rest pending":      {Status{Phase: "map", Maps: 3, Mapped: 1, Buried: 1, PendingMaps: held}, false},
		"no reduce delivered yet":           {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, WaitingReduces: true}, false},
		"reduces delivered":                 {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, PendingReduces: held}, false},
		"a reduce is nowhere":               {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1}, true},
		"a reduce is nowhere, a map is not": {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, PendingMaps: held}, true},
		"a reduce is buried":                {Status{Phase: "reduce", Maps: 3, Mapped: 3, Reducers: 2, Reduced: 1, Buried: 1}, false},
		"done":                              {Status{Phase: "done", Maps: 3, Mapped: 3}, false},
	} {
		if c.st.Stuck() != c.want {
			t.Errorf("%s: stuck is %v", what, !c.want)
		}
	}
}
