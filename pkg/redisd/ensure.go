package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/endpoint"
	"github.com/magereduce/magereduce/pkg/redisd/host"
	"github.com/magereduce/magereduce/pkg/redisd/program"
)

// DefaultName is the name of a server whose Config names none.
const DefaultName = "redis"

// Config says which server is wanted.
type Config struct {
	Dir  string // state folder; the server's own folder is Dir/redis
	URL  string // of a given server: redis://, rediss:// or unix://; "" finds or starts one
	Kind Kind   // only this way to a server; "" tries them in order

	// For a given server: files, so that no secret is ever in an argument.
	PasswordFile, CAFile, CertFile, KeyFile string

	// For a server that is started.
	Name  string // begins the name of its container and processes, and names the cache; DefaultName if ""
	Image string // container image; DefaultImage if ""
	Port  int    // port on the loopback, another one if it is taken; 0: a unix socket where possible
}

// Ensure makes sure that the folder's server answers, and returns it. It may be called again at any
// time: a server that lives is used, one that died is started again as it was, and only a folder
// without a server gets a new one. Two calls at once in one folder start one server.
//
// A new server is a container, a process or a provisioned process, in this order. The function say
// gets one line for each way that was tried: the server that it led to, or why it was skipped.
func Ensure(ctx context.Context, c Config, say func(string)) (*Server, error) {
	if c.URL != "" {
		return ensureGiven(ctx, c, say)
	}
	dir, err := datadir.In(c.Dir)
	if err == nil {
		err = dir.Make()
	}
	if err != nil {
		return nil, err
	}
	unlock, err := host.Lock(ctx, string(dir))
	if err != nil {
		return nil, err
	}
	defer unlock()

	r, err := dir.Load()
	switch {
	case errors.Is(err, ErrNone):
		return pick(ctx, c, dir, say)
	case err != nil:
		return nil, err
	}
	s := c.server(dir, r)
	s.say = say
	if c.Kind != "" && c.Kind != s.Kind {
		running, err := s.runtime().running(ctx)
		if err != nil {
			return nil, err
		}
		if running {
			return nil, fmt.Errorf("%w (%s)", ErrOtherKind, s)
		}
		return pick(ctx, c, dir, say)
	}
	launched, err := s.up(ctx, func(ctx context.Context) error {
		if c.Port != 0 && !host.OnTCP(s.Addr) {
			s.Addr = host.Loopback(c.Port)
		}
		return s.launchSomewhere(ctx)
	})
	switch {
	case launched && errors.Is(err, ErrDump): // another server may be able to load it
		s.tell("skipped %s: %s", s, plain(err))
		return pick(ctx, c, dir, say)
	case err != nil && !launched:
		return nil, fmt.Errorf("%w: this folder's server is %s", err, s)
	case err != nil:
		return nil, err
	case launched:
		s.tell("started again: %s", s)
	case c.Port != 0 && s.Addr != host.Loopback(c.Port):
		s.tell("still up: %s; it doesn't move to port %d before it is stopped", s, c.Port)
	default:
		s.tell("still up: %s", s)
	}
	return s, nil
}

// Open returns the given server, or the recorded one. It neither starts nor asks anything. ErrNone.
func Open(c Config) (*Server, error) {
	if c.URL != "" {
		return given(c)
	}
	dir, err := datadir.In(c.Dir)
	if err != nil {
		return nil, err
	}
	r, err := dir.Load()
	if err != nil {
		return nil, err
	}
	return c.server(dir, r), nil
}

// server is the server of a record.
func (c Config) server(dir datadir.Dir, r Record) *Server {
	return &Server{
		Record:  r,
		DataDir: string(dir),
		Image:   cmp.Or(c.Image, DefaultImage),
		cache:   cmp.Or(c.Name, DefaultName),
	}
}

// pick takes the first way that leads to a server.
func pick(ctx context.Context, c Config, dir datadir.Dir, say func(string)) (*Server, error) {
	name, err := dir.ServerName(cmp.Or(c.Name, DefaultName))
	if err != nil {
		return nil, err
	}
	addr := dir.Path(datadir.SocketFile)
	if c.Port != 0 {
		addr = host.Loopback(c.Port)
	}
	var closed, unread error
	for _, k := range kinds {
		if c.Kind != "" && c.Kind != k.kind {
			continue
		}
		s := c.server(dir, Record{Kind: k.kind, Name: name, Addr: addr})
		s.say = say
		err := s.runtime().prepare(ctx)
		if err == nil {
			err = s.launchSomewhere(ctx)
		}
		switch {
		case err == nil:
			s.tell("%s", s)
			return s, nil
		case ctx.Err() != nil:
			return nil, host.Also(err, dir.Forget())
		}
		s.tell("skipped %s: %s", k.kind, plain(err))
		if errors.Is(err, ErrDump) {
			unread = cmp.Or(unread, err)
		}
		closed = host.Also(err, dir.Forget())
	}
	if unread != nil {
		return nil, unread
	}
	if c.Kind != "" && closed != nil {
		return nil, fmt.Errorf("%w as a %s: %s", ErrUnavailable, c.Kind, plain(closed))
	}
	return nil, fmt.Errorf("%w: %s, or start docker", ErrUnavailable, program.HowToInstall())
}

// given is the server of an address. Nothing is recorded, because the address may hold a password.
func given(c Config) (*Server, error) {
	e, addr, err := endpoint.Given(Endpoint{
		URL: c.URL, PasswordFile: c.PasswordFile, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile,
	})
	if err != nil {
		return nil, err
	}
	return &Server{Record: Record{Kind: Given, Addr: addr}, given: e}, nil
}

func ensureGiven(ctx context.Context, c Config, say func(string)) (*Server, error) {
	s, err := given(c)
	if err != nil {
		return nil, err
	}
	never := func(ctx context.Context) error { <-ctx.Done(); return nil }
	err = s.await(ctx, never, patience)
	if errors.Is(err, ErrUnreachable) {
		return nil, fmt.Errorf("%w: is there a server at %s?", err, s.Addr)
	}
	if err != nil {
		return nil, err
	}
	if say != nil {
		say(s.String())
	}
	return s, nil
}

// Ready waits until the server answers, has loaded its data and is one that can be used: Redis 7.0
// or newer, or Valkey. It waits as long as ctx lets it (ErrUnreachable), but fails at once if the
// server refuses the client (ErrRefused).
func Ready(ctx context.Context, c redis.UniversalClient) error {
	_, err := endpoint.Ready(ctx, c, 0)
	return err
}

// CheckFolder refuses a state folder that somebody else may have prepared, or could change while it
// is in use: each folder in it must belong to this user alone, and it must hold no links and no
// FIFOs. A folder that doesn't exist yet passes. The error is ErrFolder.
func CheckFolder(dir string) error { return host.CheckFolder(dir) }

// FreePort finds a port of the loopback on which nobody listens, below the ports that systems give
// to outgoing connections.
func FreePort() (int, error) { return host.FreePort() }
