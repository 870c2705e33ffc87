package redistest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// A test that panics or runs out of time runs no cleanups, and a server outlives its starter by
// design. So the first Start starts a guard: the test's own program once more. Because of this
// variable the guard does nothing but read names of folders. When the pipe closes, because the test
// has ended in one way or another, it kills the servers that are left in these folders.
const guardVariable = "REDISTEST_GUARD"

func init() {
	if os.Getenv(guardVariable) == "" {
		return
	}
	var dirs []string
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		dirs = append(dirs, in.Text())
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	for _, dir := range dirs {
		if s, err := redisd.Open(redisd.Config{Dir: dir}); err == nil {
			s.Kill(ctx)
		}
	}
	cancel()
	os.Exit(0)
}

var guard = sync.OnceValues(func() (io.Writer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C must not end the guard
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return pipe, cmd.Start()
})

// watch tells the guard about dir.
func watch(tb testing.TB, dir string) {
	tb.Helper()
	w, err := guard()
	if err == nil {
		_, err = fmt.Fprintln(w, dir)
	}
	if err != nil {
		tb.Fatalf("start the guard: %v", err)
	}
}
