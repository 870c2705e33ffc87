package redisd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// users is the folder of the users that were added to a server of ours: for
// each its rules, and the password that it has until the server's next start.
const (
	users          = "users"
	rulesSuffix    = ".rules"
	passwordSuffix = ".password"
)

// What a user's name and rules may look like. They go into the configuration,
// and the folder's may be anybody's.
var (
	userName = regexp.MustCompile(`^[\w-]+$`)
	userRule = regexp.MustCompile(`^[+~][\w:*{}|-]+$`)
)

// AddUser gives a server of ours another user, by ACL rules such as
// "~prefix:* +get", and returns the way in as that user. It outlasts restarts,
// which no ACL SETUSER does: it is in the configuration too. Adding it again
// changes its rules and keeps its password.
func (s *Server) AddUser(ctx context.Context, name, rules string) (Endpoint, error) {
	unlock, err := s.locked(ctx) // no start may change the passwords meanwhile
	if err != nil {
		return Endpoint{}, err
	}
	defer unlock()
	dir := filepath.Join(s.DataDir, users)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user: %w", err)
	}
	file := filepath.Join(dir, name+passwordSuffix)
	password, err := readSecret(file)
	if errors.Is(err, fs.ErrNotExist) {
		password, err = newPassword(file)
	}
	if err == nil {
		err = host.WriteFile(filepath.Join(dir, name+rulesSuffix), []byte(rules+"\n"))
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user: %w", err)
	}
	line, err := userLine(name, rules, password)
	if err != nil {
		return Endpoint{}, err
	}
	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return Endpoint{}, err
	}
	defer c.Close()
	set := []any{"ACL", "SETUSER"}
	for _, word := range line {
		set = append(set, word)
	}
	if err := c.Do(ctx, set...).Err(); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user %s: %w", name, err)
	}
	e := s.Endpoint()
	e.User = name
	return e, nil
}

// userLine is what makes a user, its name first. Rules add up, so the user is
// made anew from nothing.
func userLine(name, rules, password string) ([]string, error) {
	if !userName.MatchString(name) {
		return nil, fmt.Errorf("redisd: %q is no user's name", name)
	}
	sum := sha256.Sum256([]byte(password))
	line := []string{name, "reset", "on", "#" + hex.EncodeToString(sum[:])}
	for _, rule := range strings.Fields(rules) {
		if !userRule.MatchString(rule) {
			return nil, fmt.Errorf("redisd: %q is no rule of user %s", rule, name)
		}
		line = append(line, rule)
	}
	return line, nil
}

// RemoveUser takes an added user away again; nothing happens if there is none.
func (s *Server) RemoveUser(ctx context.Context, name string) error {
	unlock, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, suffix := range []string{rulesSuffix, passwordSuffix} {
		removed := os.Remove(filepath.Join(s.DataDir, users, name+suffix))
		if removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = host.Also(err, removed)
		}
	}
	c, clientErr := s.Endpoint().Client("redisd")
	if clientErr != nil {
		return host.Also(err, clientErr)
	}
	defer c.Close()
	return host.Also(err, c.Do(ctx, "ACL", "DELUSER", name).Err())
}

// newUserLines are the lines of redis.conf that make the added users, with new
// passwords.
func (s *Server) newUserLines() ([]byte, error) {
	files, err := host.List(filepath.Join(s.DataDir, users), "*"+rulesSuffix)
	if err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	for _, file := range files {
		rules, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(file, rulesSuffix)
		password, err := newPassword(base + passwordSuffix)
		if err != nil {
			return nil, err
		}
		line, err := userLine(filepath.Base(base), string(rules), password)
		if err != nil {
			return nil, fmt.Errorf("%w: remove %s", err, file)
		}
		fmt.Fprintln(&lines, "user", strings.Join(line, " "))
	}
	return lines.Bytes(), nil
}
