package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	// SocketFile is the name of a server's socket, in whichever folder it lies.
	SocketFile = "redis.sock"

	// socketMax is how long a socket's path may be, in bytes. Systems allow 103 or 107.
	socketMax = 100
)

// ErrSocket says that every folder for the server's socket has too long a name.
var ErrSocket = errors.New("redisd: no place for the server's socket: set TMPDIR to a folder with a short name")

// Place makes sure that the server can listen at the record's address. A socket lies in the
// server's folder. If its path would be too long there, Place makes another folder for it.
func (d Dir) Place(r *Record) error {
	if host.OnTCP(r.Addr) {
		return host.CheckFree(r.Addr)
	}
	if inside := d.Path(SocketFile); len(inside) <= socketMax {
		r.Addr = inside
		return nil
	}
	if r.HasSocketFolder() && host.Private(filepath.Dir(r.Addr), host.Accessible) == nil {
		return nil
	}
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		// MkdirTemp appends up to ten digits.
		if base == "" || len(filepath.Join(base, r.Name+"-0123456789", SocketFile)) > socketMax {
			continue
		}
		dir, err := os.MkdirTemp(base, r.Name+"-") // with mode 0700
		if err != nil {
			continue
		}
		r.Addr = filepath.Join(dir, SocketFile)
		return nil
	}
	return ErrSocket
}

// HasSocketFolder reports whether the socket lies in a folder that Place made for this server.
func (r Record) HasSocketFolder() bool {
	dir, file := filepath.Split(r.Addr)
	return !host.OnTCP(r.Addr) && file == SocketFile && filepath.Clean(r.Addr) == r.Addr &&
		strings.HasPrefix(filepath.Base(dir), r.Name+"-")
}

// Unreachable tells why no client can reach a server that runs: somebody removed its socket, or
// moved the folder to where the path is too long. It returns "" if neither is so.
func (r Record) Unreachable() string {
	if host.OnTCP(r.Addr) {
		return ""
	}
	if len(r.Addr) > socketMax {
		return "the path of its socket is too long"
	}
	if info, err := os.Lstat(r.Addr); err != nil || info.Mode()&os.ModeSocket == 0 {
		return "its socket is gone"
	}
	return ""
}

// RemoveSocket removes the socket of a server that has ended, and the folder made for it.
func (r Record) RemoveSocket() {
	if host.OnTCP(r.Addr) {
		return
	}
	os.Remove(r.Addr)
	if r.HasSocketFolder() {
		os.Remove(filepath.Dir(r.Addr))
	}
}
