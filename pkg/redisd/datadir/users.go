package datadir

import (
	"bytes"
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

// users is the folder of added users: for each its rules, and its password until the next start.
const (
	users          = "users"
	rulesSuffix    = ".rules"
	passwordSuffix = ".password"
)

// What a user's name and rules may look like. They go into the configuration, and somebody else
// may have prepared the folder.
var (
	userName = regexp.MustCompile(`^[\w-]+$`)
	userRule = regexp.MustCompile(`^[+~][\w:*{}|-]+$`)
)

// AddUser writes a user's rules, and a password if it has none. It returns the arguments of ACL
// SETUSER that make the user, its name first.
func (d Dir) AddUser(name, rules string) ([]string, error) {
	if !userName.MatchString(name) {
		return nil, fmt.Errorf("redisd: %q is no user's name", name)
	}
	if err := os.MkdirAll(d.Path(users), 0o700); err != nil {
		return nil, fmt.Errorf("redisd: add user: %w", err)
	}
	password, err := ReadSecret(d.PasswordFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		password, err = newPassword(d.PasswordFile(name))
	}
	if err != nil {
		return nil, fmt.Errorf("redisd: add user: %w", err)
	}
	line, err := userLine(name, rules, password)
	if err != nil {
		return nil, err
	}
	if err := host.WriteFile(d.Path(users, name+rulesSuffix), []byte(rules+"\n")); err != nil {
		return nil, fmt.Errorf("redisd: add user: %w", err)
	}
	return line, nil
}

// RemoveUser removes an added user; nothing happens if there is none.
func (d Dir) RemoveUser(name string) error {
	var err error
	for _, suffix := range []string{rulesSuffix, passwordSuffix} {
		removed := os.Remove(d.Path(users, name+suffix))
		if removed != nil && !errors.Is(removed, fs.ErrNotExist) {
			err = host.Also(err, removed)
		}
	}
	return err
}

// userLine makes a user, its name first. Rules add up, so it begins with "reset".
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

// newUserLines returns the lines of the configuration that make the added users, with new
// passwords.
func (d Dir) newUserLines() ([]byte, error) {
	files, err := host.List(d.Path(users), "*"+rulesSuffix)
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
