package redisd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// given describes the server that REDIS_URL names. Nothing is recorded: the
// address may hold a password, and whoever gives it gives it again.
func given(c Config) (*Server, error) {
	e := Endpoint{URL: c.URL}
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&e.PasswordFile, c.PasswordFile}, {&e.CAFile, c.CAFile},
		{&e.CertFile, c.CertFile}, {&e.KeyFile, c.KeyFile},
	} {
		if f.from == "" {
			continue
		}
		path, err := filepath.Abs(f.from) // a child may work elsewhere
		if err != nil {
			return nil, err
		}
		*f.to = path
	}
	o, err := e.options()
	if err != nil {
		return nil, err
	}
	return &Server{Kind: Given, Addr: o.Addrs[0], endpoint: e}, nil
}

func ensureGiven(ctx context.Context, c Config, say func(string)) (*Server, error) {
	s, err := given(c)
	if err != nil {
		return nil, err
	}
	never := func(ctx context.Context) error { <-ctx.Done(); return nil }
	err = s.await(ctx, never, patience)
	if errors.Is(err, ErrUnreachable) {
		return nil, fmt.Errorf("%w: is there a server at %s, and is REDIS_URL right?", err, s.Addr)
	}
	if err != nil {
		return nil, err
	}
	say(s.String())
	return s, nil
}
