package targets_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// onTerminal starts a command whose standard output is a terminal, and returns what it has written
// there when it has ended.
func (f *folder) onTerminal(columns uint16, args ...string) (p *process, written func() string) {
	f.Helper()
	keyboard, terminal, err := pty.Open()
	check.Must(f, err)
	check.Must(f, pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}))
	f.Cleanup(func() { keyboard.Close() })
	cmd := exec.Command(f.program, args...)
	cmd.Stdout = terminal
	p = f.startCommand(cmd)
	all := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(keyboard) // ends with an error when the terminal is closed
		all <- string(text)
	}()
	return p, func() string {
		f.Helper()
		p.exits(0)
		check.Must(f, terminal.Close())
		return strings.ReplaceAll(<-all, "\r\n", "\n")
	}
}

func TestTopHasBarsOnATerminalAlone(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("data/a.txt", strings.Repeat("often ", 8)+strings.Repeat("half ", 4)+"rare")
	f.exits(0, "run")
	_, top := f.onTerminal(56, "top")
	if got, want := top(), "           8  ████████████████  often\n           4  ████████          half\n           1  ██                rare\n"; got != want {
		t.Errorf("on a terminal:\n%s, want\n%s", got, want)
	}
	if got, want := f.exits(0, "top").out, "           8  often\n           4  half\n           1  rare\n"; got != want {
		t.Errorf("elsewhere:\n%s, want\n%s", got, want)
	}
}

func TestAStatusIsWatchedUntilTheJobIsSealed(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	p := f.begun()
	f.workers()
	lines := f.start("status", "-watch", "-json")
	lines.says(`"phase":"map"`)
	_, screen := f.onTerminal(100, "status", "-watch")
	leaves := f.start("status", "-watch")
	leaves.says("\nworker  host")
	leaves.signal(syscall.SIGINT)
	leaves.exits(0)
	p.exits(0)
	var last status
	for line := range strings.Lines(lines.exits(0).out) {
		check.Must(t, json.Unmarshal([]byte(line), &last))
	}
	if last.Phase != "sealed" || last.Tasks.Done != 30 {
		t.Errorf("at last it is %+v", last)
	}
	shown := screen()
	_, final, again := strings.Cut(shown[strings.LastIndex(shown, "\x1b["):], "\x1b[J")
	if !again || final != "" || !strings.Contains(shown, "A\rjob      "+last.Job+"  sealed\x1b[K\n") {
		t.Errorf("on a terminal:\n%q", shown)
	}
}
