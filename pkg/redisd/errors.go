package redisd

import (
	"errors"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// What can go wrong, in the terms a caller acts on. Compare with errors.Is.
var (
	// ErrNone: no server is recorded in this folder, and none was given.
	ErrNone = errors.New("redisd: no server in this folder yet: start one with redis:start, or set REDIS_URL")

	// ErrSettings: the address, or a file that goes with it, makes no sense.
	ErrSettings = errors.New("redisd: settings")

	// ErrUnavailable: a way to a server is closed on this machine, or, from
	// Ensure, all of them are.
	ErrUnavailable = errors.New("redisd: no redis to be had")

	// ErrRefused: the server answered and won't have us: a wrong password, a
	// missing permission, a bad certificate, a version that is too old.
	// Asking again is useless.
	ErrRefused = errors.New("redisd: refused")

	// ErrUnreachable: nothing answered in the time allowed. Asking again may help.
	ErrUnreachable = errors.New("redisd: unreachable")

	// ErrGiven: the server was given by its address, so its life is not ours.
	ErrGiven = errors.New("redisd: this server was given by REDIS_URL and is never started, stopped or killed from here")

	// ErrDump: the server can't read its dump.rdb, which a newer server wrote,
	// or another kind of server. It is left as it is.
	ErrDump = errors.New("redisd: the server can't load its dump.rdb")

	// ErrPortTaken: somebody else listens on the server's port.
	ErrPortTaken = host.ErrPortTaken

	// ErrFolder: the state folder may have been prepared or changed by somebody
	// else, so nothing in it is used.
	ErrFolder = host.ErrFolder

	// errKilled: SIGKILL ended the server while it was starting.
	errKilled = errors.New("redisd: the server was killed while it started")
)

// CheckFolder refuses a state folder that somebody else may have prepared or could change. The
// error is ErrFolder. A folder that doesn't exist yet passes.
func CheckFolder(dir string) error { return host.CheckFolder(dir) }

// FreePort finds a port of the loopback on which nobody listens, below the ports that systems give
// to outgoing connections.
func FreePort() (int, error) { return host.FreePort() }
