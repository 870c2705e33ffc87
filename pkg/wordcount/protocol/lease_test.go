package protocol_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAHeartbeatRenewsOnlyWhatIsStillOwned(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "sleeper", 2)
	if stolen := h.Steal("map", "thief"); len(stolen) != 2 {
		t.Fatalf("stolen: %v", stolen)
	}
	check.Must(t, h.Client.Renew(t.Context(), h.Run, "sleeper", protocol.WorkerInfo{}, "map", []int{1, 2}))
	h.Expect("the thief has them", func(st protocol.Status) bool { return st.PendingMaps["thief"] == 2 })
	if n, err := h.Client.Release(t.Context(), h.Run, "sleeper", false); err != nil || n != 0 {
		t.Errorf("the sleeper released %d tasks, %v", n, err)
	}
}

func TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w0", wordcounttest.Tasks)
	holder := "w0"
	// pass hands all tasks on to the next worker, which begins with some of them.
	pass := func(begun ...int) {
		holder += "'"
		if stolen := h.Steal("map", holder); len(stolen) != wordcounttest.Tasks {
			t.Fatalf("stolen: %v", stolen)
		}
		for _, n := range begun {
			_, err := h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: n}, holder)
			check.Must(t, err)
		}
	}
	end := func(died bool) {
		n, err := h.Client.Release(t.Context(), h.Run, holder, died)
		if err != nil || n != wordcounttest.Tasks {
			t.Fatalf("%d tasks were released, %v", n, err)
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want []int
	}{
		{"a death, anything may have been in the table", func() { end(true) }, []int{1, 1, 1}},
		{"the same death, told again", func() { end(true) }, []int{1, 1, 1}},
		{"a worker that left in good order", func() { pass(1, 2, 3); end(false) }, []int{1, 1, 1}},
		{"and was told to have died all the same", func() { end(true) }, []int{1, 1, 1}},
		{"one that nobody saw end, again and again", func() {
			for range 10 { // more than a worker buries a task for
				pass(1, 2, 3)
			}
		}, []int{1, 1, 1}},
		{"a second death", func() { pass(); end(true) }, []int{2, 2, 2}},
		{"now they run alone, and one had begun", func() { pass(2); end(true) }, []int{2, 3, 2}},
		{"the one before failed in good order", func() {
			pass(3)
			standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 3}, "token", 2, protocol.Cause{})
			if err != nil || standing != "failed" {
				t.Fatalf("fail: %s, %v", standing, err)
			}
			_, err = h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: 1}, holder)
			check.Must(t, err)
			end(true)
		}, []int{3, 3, 2}},
	} {
		c.do()
		var deaths []int
		for n := range wordcounttest.Tasks {
			d, err := h.Client.Redis.HGet(t.Context(), h.Client.Job.Key("attempts"), fmt.Sprintf("map %d deaths", n+1)).Int()
			check.Must(t, err)
			deaths = append(deaths, d)
		}
		if !slices.Equal(deaths, c.want) {
			t.Errorf("%s: %v deaths, not %v", c.what, deaths, c.want)
		}
	}
}

func TestATaskThatIsTakenOverCountsOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", wordcounttest.Tasks)
	attempt := func(task int, by string) {
		_, err := h.Client.BeginTask(t.Context(), h.Run, protocol.TaskID{Stream: "map", Number: task}, by)
		check.Must(t, err)
	}
	leave := func(consumer string, died bool) {
		_, err := h.Client.Release(t.Context(), h.Run, consumer, died)
		check.Must(t, err)
	}
	steal := func(by string) {
		if stolen := h.Steal("map", by); len(stolen) != wordcounttest.Tasks {
			t.Fatalf("stolen: %v", stolen)
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want int
	}{
		{"a death alone", func() { leave("w", true) }, 0},
		{"two of the tasks are begun again", func() { steal("heir"); attempt(1, "heir"); attempt(2, "heir") }, 2},
		{"one of them by one more", func() { leave("heir", true); steal("heir's heir"); attempt(1, "heir's heir") }, 2},
		{"what was given back in good order is nobody's loss", func() {
			leave("heir's heir", false)
			steal("new one")
			attempt(1, "new one")
			attempt(3, "new one")
		}, 2},
		{"and once more lost", func() { leave("new one", true); steal("last one"); attempt(3, "last one") }, 3},
	} {
		c.do()
		if n := h.Status().Taken; n != c.want {
			t.Errorf("%s: %d tasks were taken over, not %d", c.what, n, c.want)
		}
	}
}
