package redistest

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// ForExample starts a server for an example, which has no testing.TB. stop ends it.
func ForExample() (s *Server, stop func()) {
	tb := new(exampleTB)
	return Start(tb), tb.end
}

// exampleTB is as much of a testing.TB as Start needs. It panics where a test would fail.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (tb *exampleTB) Helper()                           {}
func (tb *exampleTB) Log(...any)                        {}
func (tb *exampleTB) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (tb *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (tb *exampleTB) Cleanup(f func())                  { tb.cleanups = append(tb.cleanups, f) }

func (tb *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "redistest")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (tb *exampleTB) end() {
	for _, f := range slices.Backward(tb.cleanups) {
		f()
	}
}
