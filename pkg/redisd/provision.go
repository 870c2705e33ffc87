package redisd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// prepareProvisioned finds a server among the distribution's own packages,
// unpacked in the user's cache: no root, nothing installed, and the packages'
// signatures checked by apt as ever. The first call downloads them.
func (s *Server) prepareProvisioned(ctx context.Context, say func(string)) error {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: packages can be fetched on Debian and Ubuntu only: %s", ErrUnavailable, advice())
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	cache = filepath.Join(cache, "wordcount")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := private(cache, writable); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	unlock, err := lock(ctx, cache)
	if err != nil {
		return err
	}
	defer unlock()

	// Programs and libraries fit one release of one system.
	root := filepath.Join(cache, "redis-"+release()+"-"+runtime.GOARCH)
	if err := s.useRoot(ctx, root); err == nil || errors.Is(err, ErrFolder) {
		return err
	}
	say("fetching the distribution's redis packages into " + cache + ", once")
	if err := provision(ctx, cache, root); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.useRoot(ctx, root)
}

// useRoot takes the server below root, if it runs and is new enough.
func (s *Server) useRoot(ctx context.Context, root string) error {
	// Whoever could put something there could have it run. Links are the
	// packages' own.
	err := checkTree(root, func(path string, d fs.DirEntry) error {
		if d.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		info, err := d.Info()
		if err == nil && (owner(info) != os.Geteuid() || info.Mode().Perm()&writable != 0) {
			err = fmt.Errorf("%w: %q may be somebody else's: remove %q", ErrFolder, path, root)
		}
		return err
	})
	if err != nil {
		return err
	}
	var libs []string
	for _, pattern := range []string{"usr/lib/*-linux-*", "lib/*-linux-*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		libs = append(libs, found...)
	}
	err = fmt.Errorf("%w: no server in %s", ErrUnavailable, root)
	for _, name := range serverPackages {
		program := filepath.Join(root, "usr", "bin", name)
		if _, missing := os.Stat(program); missing != nil {
			continue
		}
		var v version
		if v, err = programVersion(ctx, program, strings.Join(libs, ":")); err == nil {
			err = v.check()
		}
		if err == nil {
			s.Program, s.Libs = program, strings.Join(libs, ":")
			return nil
		}
	}
	return err
}

// serverPackages are also the names of the programs in them. Debian and Ubuntu
// have one of them or both, some in a version that is too old.
var serverPackages = []string{"redis-server", "valkey-server"}

// provision unpacks the packages below root, completely or not at all.
func provision(ctx context.Context, cache, root string) error {
	work, err := os.MkdirTemp(cache, "fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	a, err := newApt(work)
	if err != nil {
		return err
	}
	// A foreign source that doesn't answer makes the update fail as a whole.
	// It matters only if no candidate is found.
	_, updating := a.run(ctx, "apt-get", "update")

	server, err := a.candidate(ctx)
	if err != nil {
		return also(err, updating)
	}
	packages, err := a.missing(ctx, server)
	if err != nil {
		return err
	}
	if _, err := a.run(ctx, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return also(err, updating) // which may be why: a source that isn't signed is none
	}
	files, err := filepath.Glob(filepath.Join(a.dir, "*.deb"))
	if err != nil {
		return err
	}
	unpacked := filepath.Join(work, "root")
	for _, file := range files {
		if _, err := a.run(ctx, "dpkg", "--extract", file, unpacked); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(unpacked, root)
}

// apt runs apt with lists, cache and settings of our own in dir, beside the
// system's sources and keys.
type apt struct{ dir string }

func newApt(work string) (apt, error) {
	a := apt{filepath.Join(work, "apt")}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o700); err != nil {
			return a, err
		}
	}
	// Read after the system's settings, so that a proxy set there is used, and
	// hooks set there, which tidy up the system, are not, nor is leniency towards
	// packages that nobody signed.
	conf := fmt.Sprintf(`Dir::State "%[1]s/state";
Dir::State::Lists "%[1]s/state/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "%[1]s/cache";
Debug::NoLocking "1";
Acquire::Languages "none";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`, a.dir)
	return a, os.WriteFile(a.conf(), []byte(conf), 0o600)
}

func (a apt) conf() string { return filepath.Join(a.dir, "apt.conf") }

// run runs one of the package tools in dir.
func (a apt) run(ctx context.Context, tool string, args ...string) (string, error) {
	if tool != "dpkg" {
		args = append([]string{"--config-file=" + a.conf()}, args...)
	}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", tool, err, firstLine(complaints.String()))
	}
	return out.String(), nil
}

var candidateLine = regexp.MustCompile(`(?m)^\s*Candidate: (?:\d+:)?(\d\S*)`)

// candidate chooses the server's package.
func (a apt) candidate(ctx context.Context) (string, error) {
	var found []string
	for _, name := range serverPackages {
		policy, err := a.run(ctx, "apt-cache", "policy", name)
		if err != nil {
			return "", err
		}
		m := candidateLine.FindStringSubmatch(policy)
		if m == nil {
			continue
		}
		v, err := parseVersion(name, m[1])
		if err == nil && v.check() == nil {
			return name, nil
		}
		found = append(found, name+" "+m[1])
	}
	if found != nil {
		return "", fmt.Errorf("needs Redis 7.0 or newer, the distribution has %s", strings.Join(found, ", "))
	}
	return "", errors.New("apt knows neither redis-server nor valkey-server")
}

// missing lists what apt would install for the server, and the package that
// holds its program, which may be installed without the server.
func (a apt) missing(ctx context.Context, server string) ([]string, error) {
	plan, err := a.run(ctx, "apt-get", "--simulate", "--no-install-recommends", "install", server)
	if err != nil {
		return nil, err
	}
	packages := []string{server, strings.TrimSuffix(server, "-server") + "-tools"}
	for line := range strings.Lines(plan) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" && f[1] != packages[0] && f[1] != packages[1] {
			packages = append(packages, f[1])
		}
	}
	return packages, nil
}

// release names the system's release, as "debian12".
func release() string {
	text, _ := os.ReadFile("/etc/os-release")
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = strings.Trim(value, `"'`)
	}
	return values["ID"] + values["VERSION_ID"]
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
