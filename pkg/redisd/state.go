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
	"os"
	"path/filepath"
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
// title of each process, which is how a process is known to be ours.
func nameFor(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "wordcount-" + hex.EncodeToString(sum[:6])
}

// load reads the folder's record.
func load(dir string) (*Server, error) {
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	s := new(Server)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("redisd: %s is damaged (%w): remove it", filepath.Join(dir, recordFile), err)
	}
	if copied(s.DataDir, dir) {
		return nil, ErrNone
	}
	s.DataDir = dir
	return s, nil
}

// copied reports that the record came here with a copy of another folder,
// whose server is not ours. In a folder that was merely moved, or is reached
// by another path, the server is the same one.
func copied(recorded, dir string) bool {
	if recorded == dir {
		return false
	}
	there, err := os.Stat(recorded)
	if err != nil {
		return false
	}
	here, err := os.Stat(dir)
	return err == nil && !os.SameFile(there, here)
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
		r.say = s.say
		*s = *r
	}
	return err
}

// password returns the folder's password, made at the first call.
func (s *Server) password() (string, error) {
	path := filepath.Join(s.DataDir, passwordFile)
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = rand.Text()
		err = writeFile(path, []byte(text+"\n"))
	}
	return text, err
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
