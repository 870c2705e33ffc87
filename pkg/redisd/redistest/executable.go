package redistest

import (
	"os"
	"syscall"
	"testing"
)

// WriteExecutable writes a program that the test then runs. Meanwhile no other test starts a process:
// that would inherit the open file for a moment, and then the program is "text file busy".
func WriteExecutable(tb testing.TB, path string, program []byte) {
	tb.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, program, 0o755); err != nil {
		tb.Fatal(err)
	}
}
