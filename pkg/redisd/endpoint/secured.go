package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// errPlain says that the server doesn't speak TLS.
var errPlain = errors.New("the server doesn't speak TLS there")

// plainAfter is how long a handshake may take before the server is asked whether it speaks TLS.
const plainAfter = time.Second

// secured returns a dialer that speaks TLS. Its error is errPlain if the server doesn't: Redis takes
// the first message of a handshake for the beginning of a command, and waits for the rest.
func secured(config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		ctx, end := context.WithCancelCause(ctx)
		var asking sync.WaitGroup
		asking.Go(func() {
			if host.Sleep(ctx, plainAfter) == nil && isPlain(ctx, network, addr) {
				end(errPlain)
			}
		})
		secure := tls.Client(conn, config)
		err = secure.HandshakeContext(ctx)
		cause := context.Cause(ctx)
		end(nil)
		asking.Wait()
		var plaintext tls.RecordHeaderError
		switch {
		case err == nil:
			return secure, nil
		case errors.Is(cause, errPlain), errors.As(err, &plaintext):
			err = errPlain
		}
		conn.Close()
		return nil, err
	}
}

// isPlain reports whether a server answers a command that isn't encrypted.
func isPlain(ctx context.Context, network, addr string) bool {
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	var first [1]byte
	_, err = io.ReadFull(conn, first[:])
	return err == nil && (first[0] == '+' || first[0] == '-') // a reply, or the refusal to give one
}
