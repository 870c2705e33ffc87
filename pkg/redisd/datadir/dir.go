package datadir

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Dir is the absolute path of a server's own folder.
type Dir string

// In is the server's folder in a state folder.
func In(state string) (Dir, error) {
	if state == "" {
		return "", errors.New("redisd: no state folder named")
	}
	if err := host.CheckFolder(state); err != nil {
		return "", err
	}
	path, err := filepath.Abs(filepath.Join(state, "redis"))
	if err != nil {
		return "", fmt.Errorf("redisd: %w", err)
	}
	return Dir(path), nil
}

// Make makes the folder, and makes sure that only this user can enter it.
func (d Dir) Make() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	return os.Chmod(string(d), 0o700)
}

// Path is the path of a file in the folder.
func (d Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// ServerName is the name of the folder's server. The name is the container's, and stands in the
// title of each process, so that a process can be told from others. It ends with what the system
// knows the folder by. So a folder that was moved keeps its server, and a copy of the folder has
// none, whatever its record says.
func (d Dir) ServerName(prefix string) (string, error) {
	suffix, err := d.nameSuffix()
	if err == nil && !namePrefix.MatchString(prefix) {
		err = fmt.Errorf("redisd: %q is no name for a server: use letters, digits and dashes", prefix)
	}
	return prefix + suffix, err
}

var namePrefix = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,30}$`)

func (d Dir) nameSuffix() (string, error) {
	info, err := os.Stat(string(d))
	if err != nil {
		return "", fmt.Errorf("redisd: %w", err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	sum := sha256.Sum256(fmt.Append(nil, stat.Dev, " ", stat.Ino))
	return "-" + hex.EncodeToString(sum[:6]), nil
}

// isName reports whether a name can be that of this folder's server.
func isName(name, suffix string) bool {
	prefix, ok := strings.CutSuffix(name, suffix)
	return ok && namePrefix.MatchString(prefix)
}

// newPassword makes a new password and writes it to a file. The server doesn't read that file: the
// caller must put the password into its configuration, or tell it by ACL SETUSER.
func newPassword(path string) (string, error) {
	password := rand.Text()
	return password, host.WriteFile(path, []byte(password+"\n"))
}

// ReadSecret reads a file of one line. Editors like to end it with a newline.
func ReadSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimRight(string(text), "\r\n"), err
}

// PasswordFile is the file that holds a user's password; "" is the default user.
func (d Dir) PasswordFile(user string) string {
	if user == "" {
		return d.Path("password")
	}
	return d.Path(users, user+passwordSuffix)
}
