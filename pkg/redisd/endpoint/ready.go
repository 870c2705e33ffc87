package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/host"
	"github.com/magereduce/magereduce/pkg/redisd/program"
)

var (
	// ErrRefused says that the server answered and refuses this client: a wrong password, a missing
	// permission, a bad certificate, a version that is too old. Asking again is useless.
	ErrRefused = errors.New("redisd: refused")

	// ErrUnreachable says that nothing answered in the time allowed. Asking again may help.
	ErrUnreachable = errors.New("redisd: unreachable")
)

// Ready waits until the server answers, has loaded its data and is recent enough, and returns its
// version. It waits as long as ctx lets it, and no longer than patience for a server that is of no
// use, if patience is not 0; then the error is ErrUnreachable. A server that loads its data is of
// use, because loading ends. If the server refuses the client, Ready fails at once with ErrRefused.
func Ready(ctx context.Context, c redis.UniversalClient, patience time.Duration) (program.Version, error) {
	heard := time.Now()
	for {
		v, err := ask(ctx, c)
		if err == nil || errors.Is(err, ErrRefused) {
			return v, err
		}
		if redis.IsLoadingError(err) {
			heard = time.Now()
		}
		if patience != 0 && time.Since(heard) > patience {
			return v, fmt.Errorf("%w for %s: %w", ErrUnreachable, patience, err)
		}
		if cause := host.Sleep(ctx, host.PollEvery); cause != nil {
			return v, fmt.Errorf("%w: %w (%w)", ErrUnreachable, err, cause)
		}
	}
}

// ask asks once for the server's version. A server may accept a connection and never answer, and
// go-redis obeys a context's deadline but not its cancellation. So the asking is left behind if ctx
// ends: a person who presses Ctrl-C must not wait.
func ask(ctx context.Context, c redis.UniversalClient) (program.Version, error) {
	type answer struct {
		v   program.Version
		err error
	}
	answered := make(chan answer, 1)
	go func() { // ends by itself, by the deadline in askNow
		v, err := askNow(ctx, c)
		answered <- answer{v, err}
	}()
	select {
	case a := <-answered:
		return a.v, a.err
	case <-ctx.Done():
		return program.Version{}, context.Cause(ctx)
	}
}

func askNow(ctx context.Context, c redis.UniversalClient) (program.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := c.Ping(ctx).Err() // a server that loads refuses PING, but not INFO
	var info string
	if err == nil {
		info, err = c.Info(ctx, "server").Result()
	}
	if refused(err) {
		return program.Version{}, refusal(err)
	}
	if err != nil {
		return program.Version{}, err
	}
	v, err := program.VersionFromInfo(info)
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return v, nil
}

// refused tells an answer that will stay the same from one that may change.
func refused(err error) bool {
	if err == nil {
		return false
	}
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		alert       *net.OpError // "remote error": the server wants a certificate
	)
	return redis.IsAuthError(err) || redis.IsPermissionError(err) ||
		strings.HasPrefix(err.Error(), "DENIED ") || // protected mode
		errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.Is(err, errPlain) || errors.As(err, &alert) && alert.Op == "remote error"
}

// refusal says what to do about it.
func refusal(err error) error {
	todo := "check the address and the certificates"
	switch {
	case errors.Is(err, errPlain):
		todo = "write redis:// and not rediss://, or give the port on which it speaks TLS"
	case redis.IsAuthError(err):
		todo = "check the user and the password in the address, or the password file"
	case redis.IsPermissionError(err):
		todo = "grant the permission to this user"
	}
	return fmt.Errorf("%w: %w: %s", ErrRefused, err, todo)
}
