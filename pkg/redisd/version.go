package redisd

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// version of a server. Functions came with Redis 7.0; every Valkey has them.
type version struct {
	name         string // redis or valkey
	text         string // 7.0.15
	major, minor int
}

func (v version) String() string { return v.name + " " + v.text }

func (v version) check() error {
	if v.major < 7 {
		return fmt.Errorf("%w: needs Redis 7.0 or newer, found %s", ErrRefused, v.text)
	}
	return nil
}

var (
	versionText   = regexp.MustCompile(`^(\d+)\.(\d+)[.\w-]*`)
	versionOutput = regexp.MustCompile(`(Redis|Valkey) server v=(\d+\.\d+[.\w-]*)`)
)

func parseVersion(name, text string) (version, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("redisd: can't read the version %q", text)
	}
	v := version{name: strings.ToLower(name), text: m[0]}
	v.major, _ = strconv.Atoi(m[1])
	v.minor, _ = strconv.Atoi(m[2])
	return v, nil
}

// programVersion asks a server program for its version.
func programVersion(ctx context.Context, path, libs string) (version, error) {
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = environ(libs)
	out, err := cmd.Output()
	if err != nil {
		return version{}, fmt.Errorf("redisd: %s --version: %w", path, err)
	}
	m := versionOutput.FindSubmatch(out)
	if m == nil {
		return version{}, fmt.Errorf("redisd: %s is neither Redis nor Valkey", path)
	}
	return parseVersion(string(m[1]), string(m[2]))
}

// infoVersion reads the version from INFO. Valkey's redis_version is that of
// the Redis it is compatible with.
func infoVersion(info string) (version, error) {
	var redis, valkey string
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "redis_version":
			redis = value
		case "valkey_version":
			valkey = value
		}
	}
	if valkey != "" {
		return parseVersion("valkey", valkey)
	}
	return parseVersion("redis", redis)
}
