package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// unpack fetches the packages and unpacks them below root, completely or not at all.
func (p Packages) unpack(ctx context.Context, cache, root string) error {
	work, err := os.MkdirTemp(cache, "fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	a, err := newApt(work, p)
	if err != nil {
		return err
	}
	// The update fails as a whole if any source doesn't answer. That matters only if no package is
	// found afterwards.
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
		return host.Also(err, updating) // the update ignores a source that isn't signed
	}
	files, err := fs.Glob(os.DirFS(a.dir), "*.deb")
	if err != nil {
		return err
	}
	unpacked := filepath.Join(work, "root")
	for _, file := range files {
		if _, err := a.run(ctx, "dpkg", "--extract", filepath.Join(a.dir, file), unpacked); err != nil {
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

// apt runs apt with its own lists, cache and settings in dir. It uses the system's keys and, unless
// the packages name others, the system's sources.
type apt struct{ dir string }

func newApt(work string, p Packages) (apt, error) {
	a := apt{filepath.Join(work, "apt")}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o700); err != nil {
			return a, err
		}
	}
	// apt reads these after the system's settings. So a proxy that the system sets is used. Hooks
	// of the system, which tidy it up, don't run, and packages without a signature are refused.
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
	// An empty status means that nothing is installed, so that no library is taken from the system.
	conf += fmt.Sprintf(`Dir::State::status "%[1]s/status";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Default-Release "%[2]s";
`, a.dir, p.Suite)
	sources := []byte(strings.Join(p.Sources, "\n") + "\n")
	return a, errors.Join(
		os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o600),
		os.WriteFile(filepath.Join(a.dir, "sources.list"), sources, 0o600),
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
	out, err := host.Output(ctx, cmd)
	if err != nil {
		return "", fmt.Errorf("%s: %w", tool, err)
	}
	return out, nil
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
		if err == nil && v.Check() == nil {
			return name, nil
		}
		found = append(found, name+" "+m[1])
	}
	if found != nil {
		return "", fmt.Errorf("needs Redis 7.0 or newer, the distribution has %s", strings.Join(found, ", "))
	}
	return "", fmt.Errorf("apt doesn't know %s", strings.Join(servers, ", nor "))
}

// missing lists what apt would install for the server's program and for others, and the server's
// own two packages, which may be installed.
func (a apt) missing(ctx context.Context, server string, others []string) ([]string, error) {
	tools := strings.TrimSuffix(server, "-server") + "-tools" // holds the program and depends on its libraries
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
