package redisd

import (
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

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// The folder's files beside redis' own dump.rdb and redis.log.
const (
	recordFile   = "server.json"
	passwordFile = "password"
	confFile     = "redis.conf"
	logFile      = "redis.log"
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
		err = host.Private(dir, host.Writable)
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
	if !host.OnTCP(s.Addr) {
		if !s.hasSocketFolder() { // else the data folder may have been moved
			s.Addr = filepath.Join(s.DataDir, socketFile)
		}
		return nil
	}
	at, err := netip.ParseAddrPort(s.Addr)
	if err != nil || at.Port() == 0 || s.Addr != host.Loopback(int(at.Port())) {
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
	return host.WriteFile(filepath.Join(s.DataDir, recordFile), append(text, '\n'))
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
	return password, host.WriteFile(path, []byte(password+"\n"))
}
