package redisd

import (
	"context"
	"errors"
	"fmt"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/endpoint"
	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Kind is a way to get a server.
type Kind = datadir.Kind

// The kinds of servers.
const (
	Given       Kind = "given"             // by its address; somebody else starts and ends it
	Container   Kind = datadir.Container   // in docker or podman
	Process     Kind = datadir.Process     // from a program on PATH
	Provisioned Kind = datadir.Provisioned // from the distribution's packages in the user's cache
)

// Record is what a folder remembers of its server.
type Record = datadir.Record

// Endpoint is how a client gets to a server.
type Endpoint = endpoint.Endpoint

// Server is a Redis server that was given, or that lives in a folder. Two goroutines must not use
// one Server at once; each can Open its own.
type Server struct {
	Record

	DataDir string // where dump.rdb and redis.log are; "" if given

	// What runs is never read from the folder, but found again by the kind.
	Program string // path of the server program of a process; found at the next start if ""
	Libs    string // LD_LIBRARY_PATH that Program needs
	Engine  string // of a container: docker or podman
	Image   string // of a container

	cache string       // folder of the user's cache for fetched packages
	given Endpoint     // of a given server
	say   func(string) // gets lines for people; may be nil
	tried []string     // programs that can't read the dump
	child *child       // the process, if this process started it
}

// child is a server process that this process started.
type child struct {
	pid    int
	done   chan struct{}
	killed bool // by SIGKILL; set before done is closed
}

// Owned reports whether the server lives in a folder, and so may be started and killed from here.
func (s *Server) Owned() bool { return s.DataDir != "" }

// Endpoint is how a client gets to the server.
func (s *Server) Endpoint() Endpoint {
	if !s.Owned() {
		return s.given
	}
	return Endpoint{Folder: s.DataDir}
}

func (s *Server) dir() datadir.Dir { return datadir.Dir(s.DataDir) }

// tell says something that people must not miss.
func (s *Server) tell(format string, args ...any) {
	if s.say != nil {
		s.say(fmt.Sprintf(format, args...))
	}
}

// locked takes the folder's lock, so that nobody else starts or stops the server, and reads what
// they have recorded.
func (s *Server) locked(ctx context.Context) (unlock func(), err error) {
	if !s.Owned() {
		return nil, ErrGiven
	}
	if unlock, err = host.Lock(ctx, s.DataDir); err != nil {
		return nil, err
	}
	if err := s.refresh(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// refresh reads what another process may have recorded. Without a record nothing changes.
func (s *Server) refresh() error {
	if !s.Owned() {
		return ErrGiven
	}
	r, err := s.dir().Load()
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err == nil {
		s.Record = r
	}
	return err
}
