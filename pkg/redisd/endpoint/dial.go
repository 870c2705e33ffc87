package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// A server that was started here always comes back with new passwords, and sometimes at another
// address. So each connection reads the record and the password anew.

// dialPatience is how long a dial waits for a server that isn't there. A killed server is usually
// back within some 50 ms. And go-redis, once as many dials have failed as its pool is large, tries
// again only once a second.
const dialPatience = 250 * time.Millisecond

// dial connects to the server whose record is in the folder. Its errors pass, unless somebody else
// may have changed the folder.
func (e Endpoint) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := e.follow(ctx)
	if err != nil && !errors.Is(err, host.ErrFolder) {
		return nil, passing{err}
	}
	return conn, err
}

// passing is an error that the next dial may not meet, because the server is about to be back,
// perhaps at another address. Callers that retry ask Temporary, as they ask errors of package net.
type passing struct{ error }

func (e passing) Unwrap() error   { return e.error }
func (e passing) Temporary() bool { return true }

// follow dials the recorded server until it answers, for dialPatience.
func (e Endpoint) follow(ctx context.Context) (net.Conn, error) {
	for until := time.Now().Add(dialPatience); ; {
		r, err := datadir.Dir(e.Folder).Load()
		if err != nil {
			return nil, err
		}
		conn, err := dialRecorded(ctx, r)
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

// dialRecorded connects to a recorded server, and checks whose listener it is, because the password
// is sent next.
func dialRecorded(ctx context.Context, r datadir.Record) (net.Conn, error) {
	network := "tcp"
	if !host.OnTCP(r.Addr) {
		network = "unix"
		// Nobody else can put a socket into a private folder.
		err := host.Private(filepath.Dir(r.Addr), host.Accessible)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("redisd: %w at %s", errAbsent, r.Addr)
		}
		if err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 5 * time.Minute} // go-redis's own values
	conn, err := d.DialContext(ctx, network, r.Addr)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("redisd: %w at %s", errAbsent, r.Addr)
	}
	if err != nil {
		return nil, err
	}
	if err := host.CheckPeer(conn, r.RootMayListen()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// credentials reads the password from its file. If the file is gone it sends no password, and the
// server says that one is needed.
func credentials(user, file string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) {
		password, err := datadir.ReadSecret(file)
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", nil
		}
		return user, password, err
	}
}
