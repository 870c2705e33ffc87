package redisd

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// users is the folder of the users that were added to a server of ours: for
// each its password, and the line of redis.conf that makes it.
const users = "users"

// AddUser gives a server of ours another user, by ACL rules such as
// "~prefix:* +get", and returns the way in as that user. It outlasts restarts,
// which no ACL SETUSER does: it is in the configuration too. Adding it again
// changes its rules and keeps its password.
func (s *Server) AddUser(ctx context.Context, name, rules string) (Endpoint, error) {
	if !s.Owned() {
		return Endpoint{}, ErrGiven
	}
	dir := filepath.Join(s.DataDir, users)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user: %w", err)
	}
	secret := filepath.Join(dir, name+".password")
	password, err := readSecret(secret)
	if errors.Is(err, fs.ErrNotExist) {
		password = rand.Text()
		err = writeFile(secret, []byte(password))
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user: %w", err)
	}
	sum := sha256.Sum256([]byte(password))
	// Rules add up: the user is made anew from nothing.
	rules = "reset on #" + hex.EncodeToString(sum[:]) + " " + rules
	if err := writeFile(filepath.Join(dir, name+".conf"), []byte("user "+name+" "+rules+"\n")); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user: %w", err)
	}

	c, err := s.Endpoint().Client("redisd")
	if err != nil {
		return Endpoint{}, err
	}
	defer c.Close()
	set := []any{"ACL", "SETUSER", name}
	for _, rule := range strings.Fields(rules) {
		set = append(set, rule)
	}
	if err := c.Do(ctx, set...).Err(); err != nil {
		return Endpoint{}, fmt.Errorf("redisd: add user %s: %w", name, err)
	}
	e := s.Endpoint()
	at, err := url.Parse(e.URL)
	if err != nil {
		return Endpoint{}, fmt.Errorf("redisd: %w", err)
	}
	at.User = url.User(name)
	e.URL, e.PasswordFile = at.String(), secret
	return e, nil
}

// RemoveUser takes an added user away again; nothing happens if there is none.
func (s *Server) RemoveUser(ctx context.Context, name string) error {
	if !s.Owned() {
		return ErrGiven
	}
	var err error
	for _, suffix := range []string{".conf", ".password"} {
		removed := os.Remove(filepath.Join(s.DataDir, users, name+suffix))
		if removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = also(err, removed)
		}
	}
	c, clientErr := s.Endpoint().Client("redisd")
	if clientErr != nil {
		return also(err, clientErr)
	}
	defer c.Close()
	return also(err, c.Do(ctx, "ACL", "DELUSER", name).Err())
}

// userLines are the lines of redis.conf that make the added users.
func (s *Server) userLines() ([]byte, error) {
	files, err := list(filepath.Join(s.DataDir, users), "*.conf")
	if err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		lines.Write(line)
	}
	return lines.Bytes(), nil
}
