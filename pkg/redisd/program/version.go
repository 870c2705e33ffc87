package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Version is the version of a server.
type Version struct {
	Name  string // redis or valkey
	Text  string // as 7.0.15
	major int
}

func (v Version) String() string { return v.Name + " " + v.Text }

// Check refuses a server without functions: these came with Redis 7.0, and every Valkey has them.
func (v Version) Check() error {
	if v.major < 7 {
		return fmt.Errorf("needs Redis 7.0 or newer, found %s", v.Text)
	}
	return nil
}

var (
	versionText   = regexp.MustCompile(`^(\d+)\.\d+[.\w-]*`)
	versionOutput = regexp.MustCompile(`(Redis|Valkey) server v=(\d+\.\d+[.\w-]*)`)
	versionInfo   = regexp.MustCompile(`(?m)^(redis|valkey)_version:(\S*)`)
)

func parseVersion(name, text string) (Version, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("can't read the version %q", text)
	}
	v := Version{Name: strings.ToLower(name), Text: m[0]}
	v.major, _ = strconv.Atoi(m[1])
	return v, nil
}

// VersionOf asks a program for its version.
func VersionOf(ctx context.Context, p Program) (Version, error) {
	cmd := exec.CommandContext(ctx, p.Path, "--version")
	cmd.Env = p.Environ()
	out, err := cmd.Output()
	if err != nil {
		return Version{}, fmt.Errorf("%s --version: %w", p.Path, err)
	}
	m := versionOutput.FindSubmatch(out)
	if m == nil {
		return Version{}, fmt.Errorf("%s is neither Redis nor Valkey", p.Path)
	}
	return parseVersion(string(m[1]), string(m[2]))
}

// VersionFromInfo reads the version from a reply to INFO. A Valkey also says which Redis it is
// compatible with. It doesn't use the client's InfoMap, which panics on a reply without a section's
// header, and a server that was given may send anything.
func VersionFromInfo(info string) (Version, error) {
	name, text := "redis", ""
	for _, m := range versionInfo.FindAllStringSubmatch(info, -1) {
		if name, text = m[1], m[2]; name == "valkey" {
			break
		}
	}
	return parseVersion(name, text)
}

// Program is a server program.
type Program struct {
	Path string
	Libs string // value of LD_LIBRARY_PATH that the program needs, or ""
}

// Environ is the environment for the program; nil if it needs no other than this process's.
func (p Program) Environ() []string {
	if p.Libs == "" {
		return nil
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+p.Libs)
}

// found has the files of programs that were usable, by path. Asking a program takes a fifth of the
// time that starting a server takes, so a process asks each only once.
var found sync.Map

// usable returns an error if the program doesn't run or is too old.
func (p Program) usable(ctx context.Context) error {
	file, err := os.Stat(p.Path)
	if err != nil {
		return err
	}
	if last, ok := found.Load(p.Path); ok && same(last.(os.FileInfo), file) {
		return nil
	}
	v, err := VersionOf(ctx, p)
	if err == nil {
		err = v.Check()
	}
	if err == nil {
		found.Store(p.Path, file)
	}
	return err
}

// same says whether a file is still what it was.
func same(was, is os.FileInfo) bool {
	return os.SameFile(was, is) && was.ModTime().Equal(is.ModTime()) && was.Size() == is.Size()
}
