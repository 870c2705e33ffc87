package redisd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// up waits until the recorded server is ready, or launches it if it is dead or
// dies meanwhile.
func (s *Server) up(ctx context.Context, launch func(context.Context) error) (launched bool, err error) {
	running, err := s.running(ctx)
	if err != nil {
		return false, err
	}
	if running {
		ended := s.processEnded
		if s.Kind == Container {
			ended = s.containerEnded
		}
		if why := s.unreachable(); why != "" {
			s.tell("! %s: it is killed and started again from its last checkpoint", why)
		} else if err := s.await(ctx, ended, longPatience); !errors.Is(err, errEnded) && !errors.Is(err, errKilled) {
			return false, err
		}
	}
	return true, launch(ctx)
}

// launch starts the server from its record and waits until it is ready. What
// a dead one left behind is removed first: an orphaned child of BGSAVE would
// in the end rename an older snapshot over a newer one. Only with the lock held.
//
// A process is started from the first program on PATH that can read the dump.
func (s *Server) launch(ctx context.Context) error {
	s.noticeMissing()
	var unread error // why the first of the programs that can't read the dump can't
	var unable []string
	for kills := 0; ; {
		err := s.launchOnce(ctx)
		switch {
		case errors.Is(err, errKilled) && kills < 2: // it may be killed again while it starts
			kills++
		case errors.Is(err, ErrDump): // each round puts one away, so this comes to an end
			foreign := s.foreign(err)
			if foreign == nil {
				if err := s.fallBack(err); err != nil {
					return err
				}
				continue
			}
			unread, unable = cmp.Or(unread, foreign), append(unable, s.Program)
			if s.Kind != Process {
				return unread
			}
			if err := s.chooseProgram(ctx, unable); err != nil {
				s.Program = unable[0]
				return unread
			}
			s.tell("not %s: %s", unable[len(unable)-1], plain(foreign))
		default:
			return err
		}
	}
}

func (s *Server) launchOnce(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	if err := s.place(); err != nil {
		return err
	}
	if err := s.writeConf(); err != nil {
		return err
	}
	if err := s.boundLog(); err != nil {
		return err
	}
	logged := s.logSize()

	start := s.startProcess
	if s.Kind == Container {
		start = s.startContainer
	}
	// Should we die right here, the name alone finds the new server.
	ended, err := start(ctx)
	if err != nil {
		return err
	}
	if err = s.await(ctx, ended, patience); err == nil {
		return s.save()
	}
	err = s.explain(err, logged)
	// With the caller's patience at its end the killing still has to be done.
	return host.Also(err, s.slay(context.WithoutCancel(ctx)))
}

// ending waits until the server has ended, and returns errEnded or errKilled;
// or nil if ctx is done first.
type ending func(ctx context.Context) error

// errEnded: the server ended by itself while it was starting.
var errEnded = errors.New("redisd: the server ended while it started")

// await waits until the server is ready, or has ended.
func (s *Server) await(ctx context.Context, ended ending, patience time.Duration) error {
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
	v, err := ready(ctx, c, patience)
	if cause := context.Cause(ctx); err != nil && (errors.Is(cause, errEnded) || errors.Is(cause, errKilled)) {
		return cause
	}
	if err != nil {
		return err
	}
	s.Version = v.String()
	return nil
}

// explain adds to a failed start what the server logged since then.
func (s *Server) explain(err error, logged int64) error {
	if redis.IsAuthError(err) {
		// Ours has the password that it was given: somebody else was faster.
		return host.Taken(s.Addr)
	}
	if !errors.Is(err, errEnded) {
		return err
	}
	last := s.lastWords(logged)
	switch {
	case strings.Contains(last, "Address already in use"):
		return host.Taken(s.Addr)
	case aboutDump.MatchString(last):
		return fmt.Errorf("%w: %s", ErrDump, last)
	}
	return fmt.Errorf("%w: %s", err, cmp.Or(last, "nothing in its log"))
}

var (
	aboutDump = regexp.MustCompile(`(?i)RDB|load(ing)? (the )?DB`)

	// 8272:M 22 Nov 2026 11:27:29.687 # Server initialized
	logLine = regexp.MustCompile(`^\d+:\w \d+ \w+ \d+ [\d:.]+ ([-.*#]) (.*)$`)
)

// lastWords returns the last complaint in the log, after its first bytes.
func (s *Server) lastWords(from int64) string {
	text, err := os.ReadFile(filepath.Join(s.DataDir, logFile))
	if err != nil || int64(len(text)) < from {
		return ""
	}
	var complaints, rest []string
	for line := range bytes.Lines(text[from:]) {
		line := strings.TrimSpace(string(line))
		m := logLine.FindStringSubmatch(line)
		switch {
		case line == "", strings.HasPrefix(line, "["): // redis-check-rdb's report, after the complaint
		case m == nil:
			rest = append(rest, line)
		case m[1] == "#" && !strings.HasPrefix(m[2], "WARNING"):
			complaints = append(complaints, m[2])
		}
	}
	lines := complaints
	if len(lines) == 0 {
		lines = rest
	}
	return strings.Join(lines[max(0, len(lines)-2):], "; ")
}

// logMax is how large the log may be when a server begins to write to it. A checkpoint adds some 500 bytes.
const logMax = 4 << 20

// boundLog puts a log that has grown too large aside, in the place of the one before.
func (s *Server) boundLog() error {
	if s.logSize() <= logMax {
		return nil
	}
	log := filepath.Join(s.DataDir, logFile)
	if err := os.Rename(log, log+".old"); err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return nil
}

func (s *Server) logSize() int64 {
	if info, err := os.Stat(filepath.Join(s.DataDir, logFile)); err == nil {
		return info.Size()
	}
	return 0
}
