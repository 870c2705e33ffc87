package redisd

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
)

// Ready waits until the server answers, has loaded its data and is one that we
// can use: Redis 7.0 or newer, or Valkey. It waits as long as ctx lets it
// (ErrUnreachable), but fails at once if the server won't have us (ErrRefused).
func Ready(ctx context.Context, c redis.UniversalClient) error {
	_, err := ready(ctx, c, 0)
	return err
}

// ready is Ready, but gives up when the server was of no use for patience, if
// that is not 0. Loading is of use: it comes to an end.
func ready(ctx context.Context, c redis.UniversalClient, patience time.Duration) (version, error) {
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
			return version{}, fmt.Errorf("%w for %s: %w", ErrUnreachable, patience, err)
		}
		if cause := host.Sleep(ctx, host.PollEvery); cause != nil {
			return version{}, fmt.Errorf("%w: %w (%w)", ErrUnreachable, err, cause)
		}
	}
}

// ask asks once whether the server is ready, and for its version. A server may
// well accept a connection and then never answer. go-redis obeys the deadline of
// a context, but doesn't hear of its end: a person who interrupts us must not wait.
func ask(ctx context.Context, c redis.UniversalClient) (version, error) {
	type answer struct {
		v   version
		err error
	}
	answered := make(chan answer, 1)
	go func() { // ends by itself, within the deadline
		v, err := askNow(ctx, c)
		answered <- answer{v, err}
	}()
	select {
	case a := <-answered:
		return a.v, a.err
	case <-ctx.Done():
		return version{}, context.Cause(ctx)
	}
}

func askNow(ctx context.Context, c redis.UniversalClient) (version, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := c.Ping(ctx).Err() // unlike INFO, refused while loading
	var info string
	if err == nil {
		info, err = c.Info(ctx, "server").Result()
	}
	if refused(err) {
		return version{}, refusal(err)
	}
	if err != nil {
		return version{}, err
	}
	v, err := infoVersion(info)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return v, v.check()
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
		plaintext   tls.RecordHeaderError
		alert       *net.OpError // the other side's: it wants a certificate
	)
	return redis.IsAuthError(err) || redis.IsPermissionError(err) ||
		strings.HasPrefix(err.Error(), "DENIED ") || // protected mode
		errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &plaintext) || errors.As(err, &alert) && alert.Op == "remote error"
}

// refusal says what to do about it.
func refusal(err error) error {
	todo := "check REDIS_URL and the certificates"
	switch {
	case redis.IsAuthError(err):
		todo = "check the user and the password in REDIS_URL or its password file"
	case redis.IsPermissionError(err):
		todo = "grant the permission to this user"
	}
	return fmt.Errorf("%w: %w: %s", ErrRefused, err, todo)
}
