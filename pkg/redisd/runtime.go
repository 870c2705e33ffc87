package redisd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// runtime is what a server of a folder runs in. A server that was given has none.
type runtime interface {
	// prepare finds what a server needs to run, unless that is known. ErrUnavailable.
	prepare(ctx context.Context) error
	// another finds another program, for a dump that this one can't read. ErrUnavailable.
	another(ctx context.Context) error
	// listen is the part of the configuration that says where to listen.
	listen() string
	// start starts the server, which writes to log until it has opened its own.
	start(ctx context.Context, log *os.File) error
	// ended waits until the server has ended: errEnded or errKilled. It returns nil if ctx ends.
	ended(ctx context.Context) error
	// running reports whether the server lives, whether or not it answers.
	running(ctx context.Context) (bool, error)
	// kill ends all that runs under the server's name, recorded or not, and returns when it is gone.
	kill(ctx context.Context) error
	pause(ctx context.Context) error
	resume(ctx context.Context) error

	reader() string // what reads the dump: a program or an image
	String() string // what runs, for people
}

// kinds are the kinds that can be started, in the order in which they are tried, and their runtimes.
var kinds = []struct {
	kind Kind
	new  func(*Server) runtime
}{
	{Container, func(s *Server) runtime { return container{s} }},
	{Process, func(s *Server) runtime { return onPath(s) }},
	{Provisioned, func(s *Server) runtime { return fetched(s) }},
}

// runtime is what the server runs in. It is looked up at each use, because the record may change,
// and keeps its state in the Server.
func (s *Server) runtime() runtime {
	for _, k := range kinds {
		if k.kind == s.Kind {
			return k.new(s)
		}
	}
	panic("redisd: a record of kind " + string(s.Kind)) // Load refuses it
}

// String is the server in a few words for a person.
func (s *Server) String() string {
	if !s.Owned() {
		return fmt.Sprintf("%s given at %s", cmp.Or(s.Version, "redis"), s.Addr)
	}
	return fmt.Sprintf("%s, %s, data in %s", s.runtime(), shorten(s.Addr), shorten(s.DataDir))
}

// shorten makes a path relative to the working folder, if it is below it.
func shorten(path string) string {
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(short) {
			return short
		}
	}
	return path
}
