package event

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func names(records []Record) (all []string) {
	for _, r := range records {
		all = append(all, r.Name)
	}
	return all
}

func TestProcessesShareAJournalAndNoLineIsTorn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "job", "events")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			j := Open(path, WorkerMost, "worker", fmt.Sprint(i))
			defer j.Close()
			for n := range 500 {
				j.Note(Attempt, slog.String("tasks", fmt.Sprint(n+1)), slog.String("how", strings.Repeat("x", n)))
			}
			j.Write(Commit)
		})
	}
	all.Wait()
	records, left, err := Load(path)
	if err != nil || left > 0 || len(records) != 8*501 {
		t.Errorf("%d records, %d lines left, %v", len(records), left, err)
	}
	next := map[string]int{}
	for _, r := range records {
		if r.Name == Attempt {
			if next[r.Worker]++; r.Tasks != fmt.Sprint(next[r.Worker]) {
				t.Fatalf("worker %s: attempt %s comes after %d others", r.Worker, r.Tasks, next[r.Worker]-1)
			}
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatAProcessCollectsIsWrittenBeforeItsNextEvent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	j := Open(path, WorkerMost)
	defer j.Close()
	j.Write(Begin)
	for range 3 {
		j.Note(Attempt)
	}
	j.Write(Send)
	records, _, err := Load(path)
	if want := []string{Begin, Attempt, Attempt, Attempt, Send}; err != nil || !reflect.DeepEqual(names(records), want) {
		t.Errorf("%q, %v", names(records), err)
	}
}

func TestWhatAProcessCollectsIsWrittenThoughNothingFollows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	j := Open(path, WorkerMost)
	defer j.Close()
	j.Write(Commit)
	j.Note(Attempt) // a long one, which begins right after a commit
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		records, _, err := Load(path)
		if want := []string{Commit, Attempt}; err == nil && reflect.DeepEqual(names(records), want) {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%q, %v", names(records), err)
		}
	}
}

func TestAJournalIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	worker, supervisor := Open(path, 2000), Open(path, 3000)
	for range 100 {
		worker.Write(Attempt)
	}
	supervisor.Write(Sealed)
	records, _, err := Load(path)
	if err != nil || len(records) < 10 || len(records) > 50 || records[len(records)-1].Name != Sealed {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestAJournalThatCannotBeWrittenCostsNothingButItsEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", fifo, link, dir, filepath.Join(fifo, "events")} {
		j := Open(path, WorkerMost)
		j.Write(Begin)
		j.Note(Attempt)
		j.Receive(Event{Text: "text"})
		j.Close()
		if j != nil {
			t.Errorf("%q is a journal", path)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("a journal is written where a link leads")
	}
	full := &lines{most: WorkerMost}
	full.file, _ = os.OpenFile("/dev/full", os.O_WRONLY, 0)
	full.Write([]byte("line\n"))
	full.flush()
	full.close()
}

func TestWhatIsNoEventIsCountedAndSpoilsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	text := `{"time":"2026-11-27T12:00:02Z","msg":"second"}
{"time":"2026-11-27T12:00:01Z","msg":"first","tasks":"1-3"}
{"time":"2026-11-27T12:00:03Z","ms

nonsense
{"msg":"no time"}
{"time":"2026-11-27T12:00:03Z","msg":"third"}
{"time":"2026-11-27T12:00:04Z","msg":"cut`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	records, left, err := Load(path)
	if want := []string{"first", "second", "third"}; err != nil || left != 5 || !reflect.DeepEqual(names(records), want) {
		t.Errorf("%q, %d lines left, %v", names(records), left, err)
	}
	if records, left, err := Load(path + " that isn't there"); records != nil || left != 0 || err != nil {
		t.Errorf("%v, %d, %v", records, left, err)
	}
}

func TestATailReadsEachEventOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events")
	tail, j := Tail{Path: path}, Open(path, WorkerMost)
	defer j.Close()
	if got := tail.Next(); got != nil {
		t.Errorf("%v", got)
	}
	j.Write(Begin)
	j.Write(Phase)
	if got, want := names(tail.Next()), []string{Begin, Phase}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	j.Write(Sealed)
	if got, want := names(tail.Next()), []string{Sealed}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = file.WriteString(strings.Repeat("x", 2*tailMost+1) + "\n") // no line of a journal
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	j.Write(Phase)
	for range 2 {
		if got := tail.Next(); got != nil {
			t.Errorf("%v", got)
		}
	}
	if got, want := names(tail.Next()), []string{Phase}; !reflect.DeepEqual(got, want) {
		t.Errorf("after a line that is too long: %q, not %q", got, want)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	j.Write(End)
	if got, want := names(tail.Next()), []string{End}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestRangesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, numbers := range map[string][]int{"": nil, "7": {7}, "1-3,5,7-8": {3, 1, 2, 8, 5, 7}} {
		got := Ranges(numbers)
		if got != text || !reflect.DeepEqual(ParseRanges(text), numbers) {
			t.Errorf("%v are %q and %v, not %q", numbers, got, ParseRanges(text), text)
		}
	}
	for _, text := range []string{"0", "-3", "2-1", "x", "1-99999999999", "1-2-3", "5 "} {
		if got := ParseRanges(text); got != nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestWhatIsWrittenWaitsInBoundedBatchesForAnotherJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, other := Open(filepath.Join(dir, "here"), WorkerMost), Open(filepath.Join(dir, "there"), WorkerMost)
	defer j.Close()
	defer other.Close()
	var box Outbox
	if b, ok := box.Next(); ok {
		t.Errorf("an empty outbox has %+v", b)
	}
	j.Write(Begin) // before anybody wants it
	j.CopyTo(&box)
	j.Write(Failed, slog.String("why", strings.Repeat("\u202e", BatchMost))) // a name that is too long
	for n := range 1000 {
		j.Note(Attempt, slog.String("tasks", fmt.Sprint(n+1)), slog.String("worker", "w"))
	}
	var lines int
	for n := uint64(1); ; n++ {
		first, ok := box.Next()
		if !ok {
			break
		}
		if again, _ := box.Next(); again != first || first.N != n || len(first.Lines) > BatchMost {
			t.Fatalf("batch %d is %d, and %d again, with %d bytes", n, first.N, again.N, len(first.Lines))
		}
		var records []Record
		for line := range strings.Lines(first.Lines) {
			var r Record
			if err := json.Unmarshal([]byte(line), &r); err != nil || r.Name != Attempt || r.Tasks != fmt.Sprint(lines+1) {
				t.Fatalf("line %d is %q, %v", lines+1, line, err)
			}
			records, lines = append(records, r), lines+1
		}
		if !other.Copy("w", n, records) {
			t.Fatal("there is no room")
		}
		if got := Copied(other.Path()); len(got) != 1 || got["w"] != n {
			t.Fatalf("it has got %v", got)
		}
		box.Sent()
	}
	records, left, err := Load(other.Path())
	if lines != 1000 || err != nil || left > 0 || len(records) < 1000 {
		t.Errorf("%d lines, then %d records, %d lines left, %v", lines, len(records), left, err)
	}
	for range 10 * outboxMost / 100 {
		j.Note(Attempt, slog.String("tasks", strings.Repeat("1,", 50)))
	}
	if len(box.waits) > outboxMost {
		t.Errorf("%d bytes wait", len(box.waits))
	}
	full := Open(filepath.Join(dir, "full"), SupervisorMost)
	defer full.Close()
	full.out.size = WorkerMost
	if full.Copy("w", 1, nil) || full.Copy("w", 2, nil) {
		t.Error("a full journal takes the events of others")
	}
}
