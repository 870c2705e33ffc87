package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFaultsGoToTheFirstWorkersInTurn(t *testing.T) {
	t.Parallel()
	got, err := ParseFaults(" crash@before-commit:2, slow=1s:1 ,")
	check.Must(t, err)
	want := []Faults{{Crash: BeforeCommit}, {Crash: BeforeCommit}, {Slow: time.Second}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, err = ParseFaults(""); err != nil || len(got) != 0 {
		t.Errorf("nothing became %+v, %v", got, err)
	}
}

func TestEveryCrashPointCanBeAskedFor(t *testing.T) {
	t.Parallel()
	for _, point := range CrashPoints {
		got, err := ParseFaults("crash@" + string(point) + ":1")
		check.Must(t, err)
		if !slices.Equal(got, []Faults{{Crash: point}}) {
			t.Errorf("%s became %+v", point, got)
		}
	}
}

func TestFaultThatMakesNoSenseIsQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"crash", "crash:1", "crash@nowhere:1", "crash@before-commit", "crash@before-commit:0", "crash@before-commit:-1",
		"crash@before-commit:many", "slow:1", "slow=:1", "slow=fast:1", "slow=0s:1", "slow=-1s:1", "sleep=1s:1",
	} {
		_, err := ParseFaults("slow=1s:1," + text)
		check.IsError(t, err, protocol.ErrInput, `"`+text+`"`, "crash@POINT:WORKERS")
	}
}
