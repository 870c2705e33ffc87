package show

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// screen returns a Progress on a terminal with this number of columns, and a function that returns
// the lines that were drawn there, one over the other.
func screen(t *testing.T, columns uint16) (p *Progress, drawn func() []string) {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	check.Must(t, err)
	check.Must(t, pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}))
	t.Cleanup(func() { keyboard.Close() })
	written := make(chan string)
	go func() {
		text, _ := io.ReadAll(keyboard) // ends with an error when the terminal is closed
		written <- string(text)
	}()
	return NewProgress(terminal), func() []string {
		check.Must(t, terminal.Close())
		return regexp.MustCompile(`[\r\n]+`).Split(strings.ReplaceAll(<-written, "\x1b[2K", ""), -1)
	}
}

// update shows a status as if the last one had been shown long ago.
func update(p *Progress, st wordcount.Status) {
	p.shown = time.Now().Add(-time.Hour)
	p.Update(st)
}

func TestABarIsNeverWiderThanTheTerminal(t *testing.T) {
	for _, columns := range []uint16{40, 60, 72, 80, 132, 160} {
		p, drawn := screen(t, columns)
		p.Total = 4 << 30
		p.Living = func() (n, restarts int) { return 12, 3 }
		much := wordcount.Status{Phase: protocol.Mapping, Bytes: 3 << 30, Troubles: 123, Revoked: 123, Workers: map[string]protocol.WorkerInfo{}}
		for beat := range 2 {
			for n := range 100 {
				much.Workers[fmt.Sprint(n)] = protocol.WorkerInfo{Host: fmt.Sprint(n % 10), Beat: beat}
			}
			update(p, much)
		}
		much.Phase, much.Reduced, much.Reducers = protocol.Reducing, 3, 4096
		update(p, much)
		update(p, wordcount.Status{Phase: protocol.Done})
		p.Finish()
		lines := drawn()
		for _, line := range lines {
			if n := len([]rune(strings.TrimRight(line, " "))); n > int(columns) {
				t.Errorf("%d columns: a line of %d: %s", columns, n, line)
			}
		}
		for _, phase := range []string{"map", "reduce", "seal"} {
			if !strings.Contains(strings.Join(lines, "\n"), phase) {
				t.Errorf("%d columns: nothing tells of %s: %q", columns, phase, lines)
			}
		}
	}
}

func TestWithoutATerminalThePhasesAreLines(t *testing.T) {
	out, in, err := os.Pipe()
	check.Must(t, err)
	defer out.Close()
	p := NewProgress(in)
	p.Total = 4 << 30
	p.Living = func() (n, restarts int) { return 2, 0 }
	update(p, wordcount.Status{Phase: protocol.Mapping, Bytes: 3 << 30})
	workers := func(beat int) map[string]protocol.WorkerInfo {
		return map[string]protocol.WorkerInfo{
			"ours": {Host: "a", Beat: beat}, "also ours": {Host: "a", Beat: beat, Up: 20, Calls: protocol.CallCounts{Commits: 9}},
			"of another host": {Host: "b", Beat: beat, Up: 20, Busy: 19}, "killed": {Host: "c", Beat: 9},
		}
	}
	p.Update(wordcount.Status{Phase: protocol.Reducing, Workers: workers(1)})
	update(p, wordcount.Status{
		Phase: protocol.Reducing, Reduced: 4, Reducers: 16, Workers: workers(2), Troubles: 3, Revoked: 2,
		PendingReduces: map[string]int{"of another host": 1, "ours": 1},
	})
	update(p, wordcount.Status{Phase: protocol.Done})
	check.Must(t, in.Close())
	text, err := io.ReadAll(out)
	check.Must(t, err)
	want := "map · 2 workers  75%  3.0 GiB/4.0 GiB  0 B/s  eta ?\nreduce · 2 workers · 1 joined · 2 hosts · 1 straggler · 3 retries · 2 revoked  25%  4/16\nseal · 2 workers\n"
	if string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
}
