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

// A test that panics or runs out of time runs no cleanups, and our servers
// outlive their starters by design. So the first Start starts a guard: the
// test's program once more, told by this variable to do nothing but read
// folder names, and, when the pipe closes because the test has ended in
// whatever way, to kill the servers that are left in them.
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is for the test alone
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return pipe, cmd.Start()
})

// watch puts dir under the guard.
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
