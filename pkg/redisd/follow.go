package redisd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Our own server may come back at another address, and always comes back
// with other passwords. So a client of it reads the record and the password
// anew for each connection.

// dialPatience is how long a dial waits for a server that isn't there. A server
// that was killed is back within some 50 ms; and once go-redis has seen as many
// dials fail as its pool is large, it tries again only once a second.
const dialPatience = 250 * time.Millisecond

// dial connects to the server whose record is in the folder.
func (e Endpoint) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	for until := time.Now().Add(dialPatience); ; {
		s, err := load(e.Folder)
		if err != nil {
			return nil, err
		}
		conn, err := s.dial(ctx)
		if !errors.Is(err, errAbsent) && !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(until) {
			return conn, err
		}
		if cause := host.Sleep(ctx, host.PollEvery); cause != nil {
			return nil, err
		}
	}
}

// errAbsent says that the server's socket isn't there. The server may come back.
var errAbsent = errors.New("nothing listens")

// credentials reads the password from its file. Without the file there is no
// password, and the server says that one is needed.
func (e Endpoint) credentials(user, file string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) {
		password, err := readSecret(file)
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", nil
		}
		return user, password, err
	}
}

// dial connects to the server, and makes sure that it is ours: the password is
// sent next.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	network := "tcp"
	if !host.OnTCP(s.Addr) {
		network = "unix"
		// Nobody else can put a socket into a folder that is this user's alone.
		err := host.Private(filepath.Dir(s.Addr), host.Accessible)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("redisd: %w at %s", errAbsent, s.Addr)
		}
		if err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 5 * time.Minute} // as go-redis has it
	conn, err := d.DialContext(ctx, network, s.Addr)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("redisd: %w at %s", errAbsent, s.Addr)
	}
	if err != nil {
		return nil, err
	}
	if err := host.CheckPeer(conn, s.Kind == Container); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
