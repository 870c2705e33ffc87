package wordcounttest

import (
	"bytes"
	"testing"
)

// Log shows what workers say in the log of a test.
type Log struct{ TB testing.TB }

// Write logs what was written.
func (l Log) Write(p []byte) (int, error) {
	l.TB.Logf("worker: %s", bytes.TrimRight(p, "\n"))
	return len(p), nil
}
