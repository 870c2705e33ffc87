package redisd

import (
	"context"
	"fmt"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// AddUser gives a server of this folder another user, by ACL rules such as "~prefix:* +get", and
// returns the way in as that user. Unlike a plain ACL SETUSER the user outlasts restarts, because
// it is in the configuration, too. Adding a user again changes its rules and keeps its password.
func (s *Server) AddUser(ctx context.Context, name, rules string) (Endpoint, error) {
	unlock, err := s.locked(ctx) // a start would change the passwords
	if err != nil {
		return Endpoint{}, err
	}
	defer unlock()
	line, err := s.dir().AddUser(name, rules)
	if err != nil {
		return Endpoint{}, err
	}
	if err := s.acl(ctx, "SETUSER", line...); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user %s: %w", name, err)
	}
	return Endpoint{Folder: s.DataDir, User: name}, nil
}

// RemoveUser removes an added user; nothing happens if there is none.
func (s *Server) RemoveUser(ctx context.Context, name string) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return host.Also(s.dir().RemoveUser(name), s.acl(ctx, "DELUSER", name))
}

func (s *Server) acl(ctx context.Context, command string, args ...string) error {
	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return err
	}
	defer c.Close()
	all := []any{"ACL", command}
	for _, arg := range args {
		all = append(all, arg)
	}
	return c.Do(ctx, all...).Err()
}
