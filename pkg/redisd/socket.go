package redisd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	socketFile = "redis.sock"

	// socketMax is how long a socket's path may be, in bytes. Systems allow 103
	// or 107.
	socketMax = 100

	// socketMount is where a container finds a socket's folder that isn't the
	// data folder.
	socketMount = "/run/wordcount"
)

// place makes sure that the server can listen at its address. A socket lies in
// the data folder, or, if its path would be too long, in a folder of its own,
// which is made here.
func (s *Server) place() error {
	if host.OnTCP(s.Addr) {
		return host.CheckFree(s.Addr)
	}
	if inside := filepath.Join(s.DataDir, socketFile); len(inside) <= socketMax {
		s.Addr = inside
		return nil
	}
	if s.hasSocketFolder() && host.Private(filepath.Dir(s.Addr), host.Accessible) == nil {
		return nil
	}
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		// MkdirTemp appends up to ten digits.
		if base == "" || len(filepath.Join(base, s.Name+"-0123456789", socketFile)) > socketMax {
			continue
		}
		dir, err := os.MkdirTemp(base, s.Name+"-") // 0700
		if err != nil {
			continue
		}
		s.Addr = filepath.Join(dir, socketFile)
		return nil
	}
	return fmt.Errorf("redisd: no place for the server's socket: set TMPDIR to a folder with a short name, or WORDCOUNT_REDIS_PORT")
}

// hasSocketFolder reports whether the socket is in a folder that place has made
// for this server.
func (s *Server) hasSocketFolder() bool {
	dir, file := filepath.Split(s.Addr)
	return !host.OnTCP(s.Addr) && file == socketFile && filepath.Clean(s.Addr) == s.Addr &&
		strings.HasPrefix(filepath.Base(dir), s.Name+"-")
}

// unreachable tells what keeps everybody from a server that lives: its socket
// was removed, or the folder was moved to where its path is too long. "" if
// nothing does.
func (s *Server) unreachable() string {
	if host.OnTCP(s.Addr) {
		return ""
	}
	if len(s.Addr) > socketMax {
		return "the path of its socket is too long"
	}
	if info, err := os.Lstat(s.Addr); err != nil || info.Mode()&os.ModeSocket == 0 {
		return "its socket is gone"
	}
	return ""
}

// leave removes the socket of a server that has ended, and its folder.
func (s *Server) leave() {
	if host.OnTCP(s.Addr) {
		return
	}
	os.Remove(s.Addr)
	if s.hasSocketFolder() {
		os.Remove(filepath.Dir(s.Addr))
	}
}
