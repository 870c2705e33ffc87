package redisd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// The folder's files beside redis' own dump.rdb and redis.log.
const (
	recordFile   = "server.json"
	passwordFile = "password"
	confFile     = "redis.conf"
	logFile      = "redis.log"
	lockFile     = "lock"
)

// nameFor is the name of dir's server: it names the container and is in the
// title of each process, which is how a process is known to be ours. It is made
// of what the system knows the folder by. So a folder that was moved keeps its
// server, and a copy of it has none, whatever its record says.
func nameFor(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("redisd: %w", err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	sum := sha256.Sum256(fmt.Append(nil, stat.Dev, " ", stat.Ino))
	return "wordcount-" + hex.EncodeToString(sum[:6]), nil
}

// load reads the folder's record. The folder may have been prepared by somebody
// else, so the record says nothing that decides what is run or signalled.
func load(dir string) (*Server, error) {
	name, err := nameFor(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err == nil {
		err = private(dir, writable)
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, recordFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	s := new(Server)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("redisd: %s is damaged (%w): remove it", path, err)
	}
	if s.Name != name {
		return nil, ErrNone
	}
	s.DataDir = dir
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("redisd: %s is damaged (%w): remove it", path, err)
	}
	return s, nil
}

var recordedVersion = regexp.MustCompile(`^(redis|valkey) \d[\w.-]*$`)

// validate checks what a record says.
func (s *Server) validate() error {
	switch s.Kind {
	case Container, Process, Provisioned:
	default:
		return fmt.Errorf("there is no kind %q", s.Kind)
	}
	if s.Version != "" && !recordedVersion.MatchString(s.Version) {
		return fmt.Errorf("%q is no version", s.Version)
	}
	if s.Pid < 0 || s.Pid == 1 {
		return fmt.Errorf("process %d is no server", s.Pid)
	}
	if !onTCP(s.Addr) {
		if !s.hasSocketFolder() { // else the data folder may have been moved
			s.Addr = filepath.Join(s.DataDir, socketFile)
		}
		return nil
	}
	at, err := netip.ParseAddrPort(s.Addr)
	if err != nil || at.Port() == 0 || s.Addr != loopback(int(at.Port())) {
		return fmt.Errorf("%q is no address of a server that we started", s.Addr)
	}
	return nil
}

// save writes the record, whole or not at all.
func (s *Server) save() error {
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.DataDir, recordFile), append(text, '\n'))
}

func (s *Server) forget() error {
	err := os.Remove(filepath.Join(s.DataDir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// refresh takes over what another process may have recorded meanwhile.
func (s *Server) refresh() error {
	r, err := load(s.DataDir)
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err == nil {
		s.Kind, s.Addr, s.Version, s.Pid, s.Started, s.Name = r.Kind, r.Addr, r.Version, r.Pid, r.Started, r.Name
	}
	return err
}

// newPassword writes a new password, which is the server's from its next start
// on.
func newPassword(path string) (string, error) {
	password := rand.Text()
	return password, writeFile(path, []byte(password+"\n"))
}

// writeFile replaces path in one step by a file that only its owner can read.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// list returns the paths of dir's files that match, none if there is no dir.
// Glob would read the folder's own name as a pattern, too.
func list(dir, pattern string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// lock keeps others from starting or stopping a server in dir until unlock is
// called or the process ends. flock has no way to give up, hence the asking
// again and again.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	for {
		unlock, err := tryLock(dir)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unlock, err
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return nil, fmt.Errorf("redisd: waiting for another process that starts or stops the server: %w", err)
		}
	}
}

// tryLock fails with EWOULDBLOCK if somebody else holds the lock.
func tryLock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	for {
		switch err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
		case nil:
			return func() { f.Close() }, nil
		case syscall.EINTR:
		default:
			f.Close()
			return nil, err
		}
	}
}

// pause waits for d, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
