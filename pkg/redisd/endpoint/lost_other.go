//go:build !linux

package endpoint

import "syscall"

// loseUnacknowledged does nothing: where the system can't do it, a read ends by its time-out.
func loseUnacknowledged(string, string, syscall.RawConn) error { return nil }
