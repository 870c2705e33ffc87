package redisd

import (
	"errors"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/endpoint"
	"github.com/magereduce/magereduce/pkg/redisd/host"
	"github.com/magereduce/magereduce/pkg/redisd/program"
)

// What can go wrong, in the terms a caller acts on. Compare with errors.Is.
var (
	// ErrNone says that the folder has no server, and that none was given.
	ErrNone = datadir.ErrNone

	// ErrSettings says that the address, or a file that goes with it, makes no sense.
	ErrSettings = endpoint.ErrSettings

	// ErrUnavailable says that this machine has no such way to a server, or, from Ensure, none at
	// all.
	ErrUnavailable = program.ErrUnavailable

	// ErrRefused says that the server answered and refuses this client: a wrong password, a missing
	// permission, a bad certificate, a version that is too old. Asking again is useless.
	ErrRefused = endpoint.ErrRefused

	// ErrUnreachable says that nothing answered in the time allowed. Asking again may help.
	ErrUnreachable = endpoint.ErrUnreachable

	// ErrGiven says that the server was given by its address, so its life is somebody else's.
	ErrGiven = errors.New("redisd: this server was given by its address and is never started, stopped or killed from here")

	// ErrOtherKind says that a server runs in the folder, and it is of another kind than the one
	// that was asked for.
	ErrOtherKind = errors.New("redisd: this folder's server is another one")

	// ErrDump says that the server can't read its dump.rdb, because a newer server wrote it, or
	// another kind of server. The dump is left as it is.
	ErrDump = errors.New("redisd: the server can't load its dump.rdb")

	// ErrPortTaken says that somebody else listens where the server should, or that it can't be
	// told who does.
	ErrPortTaken = host.ErrPortTaken

	// ErrSocket says that every folder for the server's socket has too long a name.
	ErrSocket = datadir.ErrSocket

	// ErrFolder says that somebody else may have prepared or changed the state folder.
	ErrFolder = host.ErrFolder

	// errKilled says that SIGKILL ended the server while it started.
	errKilled = errors.New("redisd: the server was killed while it started")

	// errEnded says that the server ended by itself while it started.
	errEnded = errors.New("redisd: the server ended while it started")
)

// plain is the error without the sentinel's own words, for a line that has its own beginning.
func plain(err error) string {
	text := err.Error()
	for _, sentinel := range []error{ErrUnavailable, ErrRefused, ErrUnreachable} {
		text = strings.TrimPrefix(text, sentinel.Error()+": ")
	}
	return strings.TrimPrefix(text, "redisd: ")
}

// IsServer reports whether an error says that the server can't be had.
func IsServer(err error) bool {
	for _, e := range []error{ErrNone, ErrUnavailable, ErrRefused, ErrUnreachable, ErrGiven, ErrOtherKind, ErrDump, ErrPortTaken, ErrSocket} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
