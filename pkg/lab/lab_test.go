package lab

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// folder is where a lab may be, in which an earlier one has left its server.
func folder(t *testing.T) redisd.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	return redisd.Config{Dir: dir, Kind: redistest.StartOnSocket(t, dir).Kind}
}

func TestEachWrongWayMiscountsAndEachRightWayIsExact(t *testing.T) {
	t.Parallel()
	c := folder(t)
	var out strings.Builder
	if err := Run(t.Context(), &out, c, nil); err != nil {
		t.Errorf("%v, after\n%s", err, &out)
	}
	if _, err := os.Stat(c.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	parts := strings.Split(out.String(), "\n\n")
	if len(parts) != len(lessons)+2 {
		t.Fatalf("%d parts, with the first and the last sentence, for %d lessons:\n%s", len(parts), len(lessons), &out)
	}
	for i, part := range parts[1 : len(parts)-1] {
		if lines := strings.Count(part, "\n") + 1; lines > 15 {
			t.Errorf("a lesson has %d lines:\n%s", lines, part)
		}
		for _, of := range []string{lessons[i].question, "Fault: ", "30 words", "wrong ", " too ", "right ", "exact", "Why: ", "Look at: "} {
			if !strings.Contains(part, of) {
				t.Errorf("there is no %q in\n%s", of, part)
			}
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	check.Must(t, err)
	for _, part := range parts[1:] {
		if !strings.Contains(string(readme), strings.TrimSpace(part)+"\n") {
			t.Errorf("README.md doesn't show this:\n%s", part)
		}
	}
}

func TestOneLessonCanBeTaughtAlone(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	check.Must(t, Run(t.Context(), &out, folder(t), new(3)))
	if text := out.String(); !strings.Contains(text, "3. "+lessons[2].question) || strings.Contains(text, lessons[1].question) {
		t.Errorf("lesson 3 is\n%s", text)
	}
	check.IsError(t, Run(t.Context(), &out, redisd.Config{Dir: t.TempDir()}, new(len(lessons)+1)), protocol.ErrInput, "there is no lesson 8", "1 to 7")
	check.IsError(t, Run(t.Context(), &out, redisd.Config{Dir: t.TempDir()}, new(0)), protocol.ErrInput, "there is no lesson 0")
}

func TestALabWhoseWrongWayIsExactFails(t *testing.T) {
	t.Parallel()
	swapped := lessons[1]
	swapped.scenario = func(t *trial) {
		t.seed()
		if t.way.right {
			t.start(t.way.program, "ann").reach(between, 1).kill()
		}
		t.finish(t.start(t.way.program, "bob"))
	}
	swapped.ways = []way{
		{program: "right_worker", means: "exact, and said to be wrong", stays: true},
		{program: "wrong_increment", means: "wrong, and said to be right", right: true},
	}
	var out strings.Builder
	err := teach(t.Context(), &out, folder(t), []lesson{swapped}, 1)
	check.IsError(t, err, ErrSurprise, "2 did not")
	for _, verdict := range []string{"exact, against all expectations", "9 too many, against all expectations"} {
		if !strings.Contains(out.String(), verdict) {
			t.Errorf("it doesn't say %q:\n%s", verdict, &out)
		}
	}
}

func TestALabSaysWhatAProcessDiedOf(t *testing.T) {
	t.Parallel()
	broken := lesson{
		scenario: func(t *trial) { t.start(t.way.program, "ann").leave() },
		ways:     []way{{program: "no_such_way"}},
	}
	err := teach(t.Context(), new(strings.Builder), folder(t), []lesson{broken}, 1)
	if err == nil || !strings.Contains(err.Error(), `lesson 1, no_such_way: ann: exit status 1: Error: there is no program "no_such_way"`) {
		t.Errorf("it says %v", err)
	}
	early := lesson{
		scenario: func(t *trial) { t.start(t.way.program, "seeder").reach(idle, 1) },
		ways:     []way{{program: "right_seed"}},
	}
	err = teach(t.Context(), new(strings.Builder), folder(t), []lesson{early}, 1)
	if err == nil || !strings.Contains(err.Error(), `seeder has left, and never came to the point "idle"`) {
		t.Errorf("it says %v", err)
	}
}

func TestTwoLabsInOneFolderDoNotKillEachOthersServer(t *testing.T) {
	t.Parallel()
	c := redisd.Config{Dir: t.TempDir()}
	unlock, ok, err := state.Folder{Dir: c.Dir}.Lock("lab")
	check.Must(t, err)
	if !ok {
		t.Fatal("the folder is locked")
	}
	defer unlock()
	check.IsError(t, Run(t.Context(), new(strings.Builder), c, nil), protocol.ErrIncomplete, "another lab is running")
}

func TestAVerdictLooksAtEachWord(t *testing.T) {
	t.Parallel()
	want := counts{"a": 1, "b": 2}
	for _, c := range []struct {
		got     counts
		verdict string
	}{
		{counts{"a": 1, "b": 2}, "exact"}, {counts{"a": 2, "b": 1}, "other words, against all expectations"},
		{counts{"a": 3, "b": 2}, "2 too many, against all expectations"}, {nil, "3 too few, against all expectations"},
	} {
		verdict, fine := judge(want, c.got, true)
		if verdict != c.verdict || fine != (verdict == "exact") {
			t.Errorf("%v is %q, %v", c.got, verdict, fine)
		}
	}
}
