package redisd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// prepareProvisioned finds a server among the distribution's own packages,
// unpacked in the user's cache: no root, nothing installed, and the packages'
// signatures checked by apt as ever. The first call downloads them.
func (s *Server) prepareProvisioned(ctx context.Context, say func(string)) error {
	// Programs and libraries fit one release of one system.
	name := "redis-" + release() + "-" + runtime.GOARCH
	return Fetch(ctx, name, Packages{Servers: serverPackages}, func(root string) error { return s.useRoot(ctx, root) }, say)
}

// Packages are a server's, and where they come from.
type Packages struct {
	Servers []string // the first of these that is new enough is taken
	With    []string // what is unpacked beside it

	// Of another release than the system's: lines of a sources.list, and the
	// suite that packages are taken from if it has them. Then all that they
	// depend on is unpacked with them, down to the C library.
	Sources []string
	Suite   string

	// Finish changes what was unpacked, before it is moved to root.
	Finish func(unpacked, root string) error
}

// Fetch unpacks packages below a folder of the user's cache, once, whole or
// not at all, and lets use try what is there. Where it fails, they are fetched
// again. What somebody else may have put there is not used.
func Fetch(ctx context.Context, name string, p Packages, use func(root string) error, say func(string)) error {
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
	if err := host.Private(cache, host.Writable); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	unlock, err := host.Lock(ctx, cache)
	if err != nil {
		return err
	}
	defer unlock()

	root := filepath.Join(cache, name)
	safely := func() error {
		if err := checkRoot(root); err != nil {
			return err
		}
		return use(root)
	}
	if err := safely(); err == nil || errors.Is(err, ErrFolder) {
		return err
	}
	say(fmt.Sprintf("fetching %s packages into %s, once", cmp.Or(p.Suite, "the distribution's redis"), cache))
	if err := p.provision(ctx, cache, root); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return safely()
}

// checkRoot refuses what somebody else may have put below root, and could have
// run by that. Links are the packages' own.
func checkRoot(root string) error {
	return host.CheckTree(root, func(path string, d fs.DirEntry) error {
		if d.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		info, err := d.Info()
		if err == nil && (!host.Exclusive(info)) {
			err = fmt.Errorf("%w: %q may be somebody else's: remove %q", ErrFolder, path, root)
		}
		return err
	})
}

// useRoot takes the server below root, if it runs and is new enough.
func (s *Server) useRoot(ctx context.Context, root string) error {
	libs := strings.Join(Libraries(root), ":")
	err := fmt.Errorf("%w: no server in %s", ErrUnavailable, root)
	for _, name := range serverPackages {
		program := filepath.Join(root, "usr", "bin", name)
		if _, missing := os.Stat(program); missing != nil {
			continue
		}
		var v version
		if v, err = programVersion(ctx, program, libs); err == nil {
			err = v.check()
		}
		if err == nil {
			s.Program, s.Libs = program, libs
			return nil
		}
	}
	return err
}

// Libraries are the folders below root that hold libraries of packages.
func Libraries(root string) (dirs []string) {
	for _, pattern := range []string{"usr/lib/*-linux-*", "lib/*-linux-*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		dirs = append(dirs, found...)
	}
	return dirs
}

// serverPackages are also the names of the programs in them. Debian and Ubuntu
// have one of them or both, some in a version that is too old.
var serverPackages = []string{"redis-server", "valkey-server"}

// provision unpacks the packages below root, completely or not at all.
func (p Packages) provision(ctx context.Context, cache, root string) error {
	work, err := os.MkdirTemp(cache, "fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	a, err := newApt(work, p)
	if err != nil {
		return err
	}
	// A foreign source that doesn't answer makes the update fail as a whole.
	// It matters only if no candidate is found.
	_, updating := a.run(ctx, "apt-get", "update")

	server, err := a.candidate(ctx, p.Servers)
	if err != nil {
		return host.Also(err, updating)
	}
	packages, err := a.missing(ctx, server, p.With)
	if err != nil {
		return err
	}
	if _, err := a.run(ctx, "apt-get", append([]string{"download"}, packages...)...); err != nil {
		return host.Also(err, updating) // which may be why: a source that isn't signed is none
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
	if p.Finish != nil {
		if err := p.Finish(unpacked, root); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(unpacked, root)
}

// apt runs apt with lists, cache and settings of our own in dir, beside the
// system's keys and, if the packages have none of their own, its sources.
type apt struct{ dir string }

func newApt(work string, p Packages) (apt, error) {
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
	if p.Sources == nil {
		return a, os.WriteFile(a.conf(), []byte(conf), 0o600)
	}
	// As if nothing were installed, so that no library is taken from the system.
	conf += fmt.Sprintf(`Dir::State::status "%[1]s/status";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Default-Release "%[2]s";
`, a.dir, p.Suite)
	return a, errors.Join(
		os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o600),
		os.WriteFile(filepath.Join(a.dir, "sources.list"), []byte(strings.Join(p.Sources, "\n")+"\n"), 0o600),
		os.WriteFile(a.conf(), []byte(conf), 0o600))
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
func (a apt) candidate(ctx context.Context, servers []string) (string, error) {
	var found []string
	for _, name := range servers {
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
	return "", fmt.Errorf("apt doesn't know %s", strings.Join(servers, ", nor "))
}

// missing lists what apt would install for the server's program and for others,
// and the packages that hold the program and its name, which may be installed.
func (a apt) missing(ctx context.Context, server string, others []string) ([]string, error) {
	tools := strings.TrimSuffix(server, "-server") + "-tools" // hold the program, and depend on what it needs
	args := append([]string{"--simulate", "--no-install-recommends", "install", tools}, others...)
	plan, err := a.run(ctx, "apt-get", args...)
	if err != nil {
		return nil, err
	}
	packages := []string{server, tools}
	for line := range strings.Lines(plan) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" && !slices.Contains(packages, f[1]) {
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
