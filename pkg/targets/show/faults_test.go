package show

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestATableOfFaultsHasTheVerdictOfEach(t *testing.T) {
	var out strings.Builder
	check.Must(t, Outcomes(&out, []experiment.Outcome{
		{Fault: chaos.KillWorker, Recovery: 1500 * time.Microsecond, Redone: 1},
		{Fault: chaos.PauseRedis, Err: fmt.Errorf("%w: the supervisor ended without a result\nand more", wordcount.ErrIncomplete)},
		{Fault: chaos.RestartRedis, Err: fmt.Errorf("%w: 5 distinct, 1 missing, 0 surplus, 0 different: please report this", wordcount.ErrDifferent)},
		{Fault: chaos.DropReplies, Recovery: time.Millisecond, Redone: 1234},
	}))
	if want := `FAULT         TIMES  RECOVERY  REDONE       VERDICT
killWorker    1      2ms       1 task       exact
pauseRedis    1      -         -            incomplete: the supervisor ended without a result…
restartRedis  1      -         -            different: 5 distinct, 1 missing, 0 surplus, 0 different: please report this
dropReplies   1      1ms       1,234 tasks  exact
`; out.String() != want {
		t.Errorf("it is\n%s, want\n%s", &out, want)
	}
}

func TestATableOfAStormTellsHowOftenEachFaultWasOutlived(t *testing.T) {
	var out strings.Builder
	tally := experiment.Tally{Outlived: map[string]int{"pauseRedis": 2}}
	check.Must(t, Outlived(&out, []chaos.Fault{chaos.KillWorker, chaos.PauseRedis}, tally))
	if want := "FAULT       TIMES\nkillWorker  0\npauseRedis  2\n"; out.String() != want {
		t.Errorf("it is\n%s, want\n%s", &out, want)
	}
}

func TestFault62ATableOfFaultsIsShownEscaped(t *testing.T) {
	if got, want := short(errors.New("\x1b[2J"+strings.Repeat("é", 90)+"\nmore")), `\x1b[2J`+strings.Repeat("é", 73)+"…"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
