package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	DefaultImage = "redis:7.4" // for a container
)

// How long a server may be out of reach before Ensure calls it unreachable.
// Loading a dump is not being out of reach and may take longer. One of ours
// that lives may be paused, or busy with a long command: it is worth waiting
// for, since there is no other way to its data.
const (
	patience     = 15 * time.Second
	longPatience = time.Minute
)

// Kind is a way to get a server.
type Kind string

const (
	Given       Kind = "given"       // somebody else's, by its address
	Container   Kind = "container"   // ours, in docker or podman
	Process     Kind = "process"     // ours, from a program on PATH
	Provisioned Kind = "provisioned" // ours, from the distribution's packages in the user's cache
)

// Config says which server is wanted.
type Config struct {
	Dir  string // state folder of the working folder, as ".wordcount"; ours live in Dir/redis
	URL  string // a given server: redis://, rediss:// or unix://; "" finds or starts one
	Kind Kind   // only this way; "" tries them in order

	// For a given server: files, so that no secret is ever in an argument.
	PasswordFile, CAFile, CertFile, KeyFile string

	// For a server of ours.
	Image string // container image, DefaultImage if ""
	Port  int    // wished port on the loopback, another one if it is taken; 0: a unix socket, wherever one is possible
}

// Ensure makes sure that the folder's server answers, and returns it. It may
// be called again at any time: a server that lives is used, one that died is
// started again as it was, and only where there was none a new one is picked.
// Two calls at once in one folder start one server.
//
// The order is: given, container, process, provisioned. For each way say gets
// one line: why it was or wasn't taken.
func Ensure(ctx context.Context, c Config, say func(string)) (*Server, error) {
	if c.URL != "" {
		return ensureGiven(ctx, c, say)
	}
	dir, err := dataDir(c.Dir)
	if err != nil {
		return nil, err
	}
	unlock, err := host.Lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()

	s, err := load(dir)
	switch {
	case errors.Is(err, ErrNone):
		return pick(ctx, c, dir, say)
	case err != nil:
		return nil, err
	}
	s.say, s.Image = say, cmp.Or(c.Image, DefaultImage)
	if c.Kind != "" && c.Kind != s.Kind {
		running, err := s.running(ctx)
		if err != nil {
			return nil, err
		}
		if running {
			return nil, fmt.Errorf("redisd: this folder's server is another one (%s): end it with redis:stop first", s)
		}
		return pick(ctx, c, dir, say)
	}
	launched, err := s.up(ctx, func(ctx context.Context) error {
		if c.Port != 0 && !host.OnTCP(s.Addr) {
			s.Addr = host.Loopback(c.Port)
		}
		return s.launchSomewhere(ctx, say)
	})
	switch {
	case launched && errors.Is(err, ErrDump): // another server may be able to
		say("not " + s.String() + ": " + plain(err))
		return pick(ctx, c, dir, say)
	case err != nil && !launched:
		return nil, fmt.Errorf("%w: this folder's server is %s", err, s)
	case err != nil:
		return nil, err
	case launched:
		say("started again: " + s.String())
	default:
		say("still up: " + s.String())
	}
	return s, nil
}

// Open returns the given server, or the recorded one, without starting or
// even asking anything. ErrNone if there is neither.
func Open(c Config) (*Server, error) {
	if c.URL != "" {
		return given(c)
	}
	if err := host.CheckFolder(c.Dir); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Join(c.Dir, "redis"))
	if err != nil {
		return nil, err
	}
	s, err := load(dir)
	if err == nil {
		s.Image = cmp.Or(c.Image, DefaultImage)
	}
	return s, err
}

// pick takes the first way that leads to a server.
func pick(ctx context.Context, c Config, dir string, say func(string)) (*Server, error) {
	ways := []struct {
		kind    Kind
		prepare func(*Server, context.Context, func(string)) error
	}{
		{Container, (*Server).prepareContainer},
		{Process, (*Server).prepareProcess},
		{Provisioned, (*Server).prepareProvisioned},
	}
	if c.Kind == "" {
		say("not given: REDIS_URL is not set")
	}
	name, err := nameFor(dir)
	if err != nil {
		return nil, err
	}
	addr := filepath.Join(dir, socketFile)
	if c.Port != 0 {
		addr = host.Loopback(c.Port)
	}
	var closed, unread error
	for _, way := range ways {
		if c.Kind != "" && c.Kind != way.kind {
			continue
		}
		s := &Server{
			Kind:    way.kind,
			Name:    name,
			DataDir: dir,
			Addr:    addr,
			Image:   cmp.Or(c.Image, DefaultImage),
			say:     say,
		}
		err := way.prepare(s, ctx, say)
		if err == nil {
			err = s.launchSomewhere(ctx, say)
		}
		switch {
		case err == nil:
			say(s.String())
			return s, nil
		case ctx.Err() != nil:
			return nil, host.Also(err, s.forget())
		}
		say(fmt.Sprintf("not %s: %s", way.kind, plain(err)))
		if errors.Is(err, ErrDump) {
			unread = cmp.Or(unread, err)
		}
		closed = host.Also(err, s.forget())
	}
	if unread != nil {
		return nil, unread
	}
	if c.Kind != "" && closed != nil {
		return nil, fmt.Errorf("%w as a %s: %s", ErrUnavailable, c.Kind, plain(closed))
	}
	return nil, fmt.Errorf("%w: %s, or start docker, or set REDIS_URL", ErrUnavailable, advice())
}

// launchSomewhere launches the server on its own port, or, if somebody else
// has that, on another one.
func (s *Server) launchSomewhere(ctx context.Context, say func(string)) error {
	for range 10 {
		err := s.launch(ctx)
		if !errors.Is(err, ErrPortTaken) {
			return err
		}
		taken, by := s.Addr, "another program"
		if who := host.Listener(taken); who != "" {
			by = who
		}
		port, err := host.FreePort()
		if err != nil {
			return err
		}
		s.Addr = host.Loopback(port)
		say(fmt.Sprintf("! %s is taken by %s, using %s", taken, by, s.Addr))
	}
	return fmt.Errorf("%w, again and again: choose a free one with WORDCOUNT_REDIS_PORT", ErrPortTaken)
}

func advice() string {
	if runtime.GOOS == "darwin" {
		return "brew install redis"
	}
	return "install redis-server or valkey-server 7.0 or newer"
}

// plain is the error without the sentinel's own words, for a line that has
// its own beginning.
func plain(err error) string {
	text := err.Error()
	for _, sentinel := range []error{ErrUnavailable, ErrRefused, ErrUnreachable} {
		text = strings.TrimPrefix(text, sentinel.Error()+": ")
	}
	return strings.TrimPrefix(text, "redisd: ")
}

// dataDir makes Dir/redis, for this user's eyes only.
func dataDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("redisd: no state folder named")
	}
	if err := host.CheckFolder(dir); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Join(dir, "redis"))
	if err != nil {
		return "", fmt.Errorf("redisd: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("redisd: %w", err)
	}
	return dir, os.Chmod(dir, 0o700)
}
