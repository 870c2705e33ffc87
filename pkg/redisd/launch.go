package redisd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/endpoint"
	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// How long a server may be out of reach before it counts as unreachable. Loading a dump doesn't
// count and may take longer. A server of this folder that lives may be paused, or busy with a long
// command. It is worth a longer wait, because there is no other way to its data.
const (
	patience     = 15 * time.Second
	longPatience = time.Minute
)

// up waits until the recorded server is ready. If it is dead, or dies meanwhile, up launches it.
func (s *Server) up(ctx context.Context, launch func(context.Context) error) (launched bool, err error) {
	running, err := s.runtime().running(ctx)
	if err != nil {
		return false, err
	}
	if running {
		if why := s.Unreachable(); why != "" {
			s.tell("! %s: it is killed and started again from its last checkpoint", why)
		} else if err := s.await(ctx, s.runtime().ended, longPatience); !errors.Is(err, errEnded) && !errors.Is(err, errKilled) {
			return false, err
		}
	}
	return true, launch(ctx)
}

// launchSomewhere launches the server on its own port, or, if somebody else has that, on another.
func (s *Server) launchSomewhere(ctx context.Context) error {
	for range 10 {
		err := s.launch(ctx)
		if !errors.Is(err, ErrPortTaken) {
			return err
		}
		taken, by := s.Addr, cmp.Or(host.Listener(s.Addr), "another program")
		port, err := host.FreePort()
		if err != nil {
			return err
		}
		s.Addr = host.Loopback(port)
		s.tell("! %s is taken by %s, using %s", taken, by, s.Addr)
	}
	return fmt.Errorf("%w, again and again", ErrPortTaken)
}

// launch starts the server from its record and waits until it is ready. It first removes what a
// dead server left behind: an orphaned child of BGSAVE would one day rename an older snapshot over
// a newer one. The lock must be held.
func (s *Server) launch(ctx context.Context) error {
	if s.dir().LostDump() {
		s.tell("! dump.rdb is missing: starting from nothing; older checkpoints are in %s", filepath.Join(s.DataDir, "checkpoints"))
	}
	s.tried = nil
	var unread error // why the first program can't read the dump
	for kills := 0; ; {
		err := s.launchOnce(ctx)
		switch {
		case errors.Is(err, errKilled) && kills < 2: // somebody may kill it again while it starts
			kills++
		case errors.Is(err, ErrDump): // this ends: each round uses up a program or a checkpoint
			foreign := s.foreign(err)
			if foreign == nil {
				if err := s.fallBack(err); err != nil {
					return err
				}
				continue
			}
			unread = cmp.Or(unread, foreign)
			unable := s.runtime().reader()
			if err := s.runtime().another(ctx); err != nil {
				return unread
			}
			s.tell("skipped %s: %s", unable, plain(foreign))
		default:
			return err
		}
	}
}

func (s *Server) launchOnce(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	if err := s.dir().Place(&s.Record); err != nil {
		return err
	}
	if err := s.dir().WriteConf(s.runtime().listen()); err != nil {
		return err
	}
	log, err := s.dir().OpenLog()
	if err != nil {
		return err
	}
	defer log.Close()
	logged := s.dir().LogSize()

	// If this process dies before the second Save, the name alone leads to the new server.
	s.Started = time.Now()
	if err := s.dir().Save(s.Record); err != nil {
		return err
	}
	if err := s.runtime().start(ctx, log); err != nil {
		return err
	}
	if err := s.dir().Save(s.Record); err != nil {
		return err
	}
	if err = s.await(ctx, s.runtime().ended, patience); err == nil {
		return s.dir().Save(s.Record)
	}
	err = s.explain(err, logged)
	// The killing has to be done even if ctx has ended.
	return host.Also(err, s.runtime().kill(context.WithoutCancel(ctx)))
}

// clear removes what an earlier server of this folder may have left behind, recorded or not. The
// lock must be held.
func (s *Server) clear(ctx context.Context) error {
	if err := s.runtime().kill(ctx); err != nil {
		return err
	}
	return s.dir().Sweep()
}

// await waits until the server is ready, or has ended: then it returns the error of ended.
func (s *Server) await(ctx context.Context, ended func(context.Context) error, patience time.Duration) error {
	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return err
	}
	defer c.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	defer func() { cancel(nil); <-done }()
	go func() {
		defer close(done)
		if err := ended(ctx); err != nil {
			cancel(err)
		}
	}()
	v, err := endpoint.Ready(ctx, c, patience)
	if cause := context.Cause(ctx); err != nil && (errors.Is(cause, errEnded) || errors.Is(cause, errKilled)) {
		return cause
	}
	if err != nil {
		return err
	}
	s.Version = v.String()
	return nil
}

var aboutDump = regexp.MustCompile(`(?i)RDB|load(ing)? (the )?DB`)

// explain adds to a failed start what the server has logged since then.
func (s *Server) explain(err error, logged int64) error {
	if redis.IsAuthError(err) {
		// The started server knows the password: somebody else was faster and took its port.
		return host.Taken(s.Addr)
	}
	if !errors.Is(err, errEnded) {
		return err
	}
	last := s.dir().LastWords(logged)
	switch {
	case strings.Contains(last, "Address already in use"):
		return host.Taken(s.Addr)
	case aboutDump.MatchString(last):
		return fmt.Errorf("%w: %s", ErrDump, last)
	}
	return fmt.Errorf("%w: %s", err, cmp.Or(last, "nothing in its log"))
}

// foreign returns the error for a sound dump that this server can't read, or nil if the dump is
// damaged.
func (s *Server) foreign(said error) error {
	writer := s.dir().Foreign(said.Error())
	if writer == "" {
		return nil
	}
	words, _, _ := strings.Cut(plain(said), "; ")
	words = strings.TrimPrefix(words, plain(ErrDump)+": ")
	return fmt.Errorf("%w: %s wrote it, and %s says %q: put that server or a newer one on PATH, or name its image; "+
		"or move %s away to start from nothing", ErrDump, writer, s.runtime().reader(), words, s.dir().Path("dump.rdb"))
}

// fallBack puts the damaged dump aside and goes back to the newest sound checkpoint, or to nothing.
func (s *Server) fallBack(cause error) error {
	aside, instead, err := s.dir().FallBack()
	if err != nil {
		return fmt.Errorf("%w; also %w", cause, err)
	}
	if instead == "" {
		s.tell("! %s: put aside as %s, and no older checkpoint is left: starting from nothing", plain(cause), aside)
		return nil
	}
	s.tell("! %s: put aside as %s, going back to %s", plain(cause), aside, instead)
	return nil
}
