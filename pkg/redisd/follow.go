package redisd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
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
		if cause := pause(ctx, pollEvery); cause != nil {
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
	if !onTCP(s.Addr) {
		network = "unix"
		// Nobody else can put a socket into a folder that is this user's alone.
		err := private(filepath.Dir(s.Addr), accessible)
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
	if err := s.checkPeer(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// checkPeer checks that the other end of a connection is our server.
func (s *Server) checkPeer(conn net.Conn) error {
	if conn, ok := conn.(*net.UnixConn); ok {
		return checkSocketPeer(conn)
	}
	ours := func(uid int) bool {
		// What leads to a container may be the engine's, which is root.
		return uid == os.Geteuid() || uid == 0 && s.Kind == Container
	}
	local, remote := conn.LocalAddr().(*net.TCPAddr).AddrPort(), conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	found, err := listeners(remote)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrPortTaken, s.Addr, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: %s: it can't be told who listens there, so no password is sent: unset WORDCOUNT_REDIS_PORT to use a socket", ErrPortTaken, s.Addr)
	}
	// The order matters. A process that listened before and listens no more has taken
	// the connection by now, or it was reset.
	for _, l := range found {
		if !ours(l.uid) {
			return fmt.Errorf("%w: %s: %s listens there", ErrPortTaken, s.Addr, l)
		}
	}
	return checkAccepted(remote, local, func(uid int) bool { return uid == 0 || ours(uid) }) // 0: not yet accepted
}
