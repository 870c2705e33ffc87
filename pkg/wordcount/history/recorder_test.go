package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// recorded is a job whose calls are recorded from now on, and the folder.
func recorded(t *testing.T, reducers int) (*wordcounttest.Job, *history.Recorder, string) {
	t.Helper()
	j := wordcounttest.New(t, reducers)
	dir, r := filepath.Join(t.TempDir(), "a [folder] *"), &history.Recorder{}
	check.Must(t, r.Turn(dir))
	r.Attach(j.Client.Redis)
	return j, r, dir
}

// said is each call in a line: name, arguments, how many more, and the answer or what came instead.
func said(t *testing.T, dir string) (lines []string) {
	t.Helper()
	calls, err := history.Load(dir)
	check.Must(t, err)
	for _, c := range calls {
		answer, err := json.Marshal(c.Answer)
		check.Must(t, err)
		line := strings.Join(append([]string{c.Name}, c.Args...), " ") + " → " + string(answer)
		switch {
		case c.Refused != "":
			line += " refused: " + strings.Fields(c.Refused)[0]
		case c.Lost != "":
			line += " lost"
		case c.End == 0:
			line += " open"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCallsAreRecordedInShort(t *testing.T) {
	t.Parallel()
	j, r, dir := recorded(t, 1)
	ctx := t.Context()
	j.Take("map", "w", 2)
	_, err := wordcounttest.ReadGroup(ctx, j.Client, "map", "w", "0", 9)
	check.Must(t, err)
	j.Steal("map", "thief")
	c := j.Counted(1, 2)
	c.Output, c.Host = "NAME", "host"
	_, err = j.Client.Commit(ctx, j.Run, c)
	check.Must(t, err)
	_, err = j.Client.Commit(ctx, "other", c)
	check.IsError(t, err, protocol.ErrOtherRun)
	check.Must(t, j.Client.Renew(ctx, j.Run, "w", protocol.WorkerInfo{Host: "secret"}, "map", []int{3}))
	_, err = j.Client.ReadPhase(ctx)
	check.Must(t, err)
	_, err = j.Client.Status(ctx)
	check.Must(t, err)
	check.Must(t, r.Note(history.Sealed, j.Client.Job.ID, j.Run, "FENCE"))
	check.Must(t, r.Restart(func() (bool, error) { return true, nil }))
	check.Must(t, j.Client.Redis.Del(ctx, j.Client.Job.Key("meta")).Err())
	_, err = protocol.Clean(ctx, j.Client.Redis, j.Client.Job)
	check.Must(t, err)
	want := []string{
		`read w new 2 map → ["map 1","map 2"]`,
		`read w own 9 map → ["map 1","map 2"]`,
		`steal thief map → ["map 1","map 2"]`,
		`commit RUN 2 1 2 3 10 NAME host - → ["committed"]`,
		`commit other 2 1 2 3 10 NAME host - → null refused: WCRUN`,
		`renew RUN w map 3 → 0`,
		`meta run phase maps dismissed → ["RUN","map","3",null]`,
		`status → [["schema",`,
		`sealed RUN FENCE → null`,
		`restart → true`,
		`expire → 1`, // of meta alone
		`delete → 4`,
	}
	got := said(t, dir)
	for i, line := range got {
		line = strings.ReplaceAll(line, j.Run, "RUN")
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("call %d is %s, not %s", i, line, append(want, "there")[min(i, len(want))])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d calls are recorded of %d", len(got), len(want))
	}
}

func TestATransactionIsOneCallAndHasNoWords(t *testing.T) {
	t.Parallel()
	j, _, dir := recorded(t, 1)
	ctx := t.Context()
	j.Take("map", "w", 3)
	j.MustCommit(1, 2, 3)
	j.Take("reduce", "w", 1)
	totals := protocol.Totals{Nonce: "A", Partitions: []int{0}, Tokens: 6}
	_, err := j.Client.Store(ctx, j.Run, totals, 0, []any{3, "three", 2, "two", 1, "one"}, true)
	check.Must(t, err)
	end, err := j.Client.Fence(ctx, j.Run, "FENCE")
	check.Must(t, err)
	_, err = j.Client.Page(ctx, end.Fence, 0, 10)
	check.Must(t, err)
	all := strings.ReplaceAll(strings.Join(said(t, dir), "\n"), j.Run, "RUN")
	for _, line := range []string{
		`place RUN A 1 0 → ["at",0]`, `put RUN A 1 0 0 3 1 6 → ["committed"]`,
		`final RUN FENCE → ["FENCE",3,1,6,`, `result FENCE 0 10 → 3`,
	} {
		if !strings.Contains(all, line) {
			t.Errorf("%s is not in\n%s", line, all)
		}
	}
	if text := files(t, dir); strings.Contains(text, "three") {
		t.Errorf("a word is in %s", text)
	}
}

// files is what all files of a history have.
func files(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check.Must(t, err)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		text, err := os.ReadFile(path)
		check.Must(t, err)
		all += string(text)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", dir, info.Mode(), err)
	}
	return all
}

func TestAnAnswerThatIsLostLeavesTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	j := wordcounttest.New(t, 1)
	dir, r := filepath.Join(t.TempDir(), "a [folder] *"), &history.Recorder{}
	check.Must(t, r.Turn(dir))
	r.Attach(j.Client.Redis) // before the sabotage, so that it hears what the caller hears
	j.Client.Redis.AddHook(wordcounttest.On(t, "commit", 1, wordcounttest.LoseReply))
	j.Take("map", "w", 2)
	if _, err := j.Client.Commit(t.Context(), j.Run, j.Counted(1)); !errors.Is(err, wordcounttest.ErrLost) {
		t.Fatal(err)
	}
	// A process that is killed has written the first line alone.
	j.Client.Redis.AddHook(wordcounttest.On(t, "commit", 1, func(context.Context, redis.Cmder, redis.ProcessHook) error {
		text := files(t, dir)
		check.Must(t, os.WriteFile(filepath.Join(dir, "killed.jsonl"), []byte(text+`{"n":9,"ca`), 0o600))
		return nil
	}))
	j.Client.Commit(t.Context(), j.Run, j.Counted(2))
	calls, err := history.Load(dir)
	check.Must(t, err)
	lost, open := 0, 0
	for _, c := range calls {
		if c.Lost != "" && !c.Known() {
			lost++
		}
		if c.End == 0 && !c.Known() && c.Process == "killed.jsonl" {
			open++
		}
	}
	if lost != 2 || open != 1 {
		t.Errorf("%d calls are lost and %d are open of %q", lost, open, said(t, dir))
	}
}

func TestACallToADeadServerDidNothing(t *testing.T) {
	t.Parallel()
	j, _, dir := recorded(t, 1)
	j.Server.Kill(t)
	if _, err := j.Client.Status(t.Context()); err == nil {
		t.Fatal("a dead server answers")
	}
	j.Client.Status(t.Context())
	calls, err := history.Load(dir)
	check.Must(t, err)
	if last := calls[len(calls)-1]; last.Refused == "" || !last.Known() {
		t.Errorf("%+v", last)
	}
}

func TestACallThatCannotBeRecordedIsNotMade(t *testing.T) {
	t.Parallel()
	j, r, dir := recorded(t, 1)
	check.Must(t, r.Turn("")) // ends the recording
	j.Take("map", "w", 1)
	if lines := said(t, dir); len(lines) != 0 {
		t.Errorf("%q", lines)
	}
	check.Must(t, os.Remove(filepath.Join(dir, names(t, dir)[0])))
	check.Must(t, os.Remove(dir))
	check.Must(t, os.WriteFile(dir, nil, 0o600))
	if err := r.Turn(dir); err == nil || !strings.Contains(err.Error(), "record the history") {
		t.Errorf("a history in a file: %v", err)
	}
	full := &history.Recorder{}
	check.Must(t, full.TurnTo("/dev/full"))
	full.Attach(j.Client.Redis)
	if _, err := j.Client.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("a call that is not recorded: %v", err)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check.Must(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestWithoutTheVariableNothingIsAttached(t *testing.T) {
	t.Parallel()
	none, err := history.FromEnvironment() // no test sets it
	if none != nil || err != nil {
		t.Fatal(none, err)
	}
	var untouched redis.UniversalClient // who touches it panics
	none.Attach(untouched)
	check.Must(t, none.Note(history.Sealed, "job"))
	started := false
	check.Must(t, none.Restart(func() (bool, error) {
		started = true
		return true, nil
	}))
	if !started {
		t.Error("without a recorder no server is started")
	}
}
