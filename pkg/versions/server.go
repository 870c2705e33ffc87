package versions

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/program"
)

// server is a server that a release of Debian has.
type server struct {
	kind    string // redis or valkey
	suite   string
	program string // once it is fetched
	version string // as "redis 8.0.2"
}

func (s server) name() string { return s.kind + "-" + s.suite }

// fetch finds the server in the user's cache, or fetches it.
func (s *server) fetch(ctx context.Context, say func(string)) error {
	sources, err := sources(ctx, s.suite)
	if err != nil {
		return err
	}
	name := s.kind + "-server"
	return program.Fetch(ctx, "wordcount", "versions-"+s.name()+"-"+runtime.GOARCH, program.Packages{
		Servers: []string{name}, With: []string{"patchelf"}, Sources: sources, Suite: s.suite,
		Finish: func(unpacked, root string) error { return s.patch(ctx, unpacked, root) },
	}, func(root string) error {
		path := filepath.Join(root, "usr", "bin", name)
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return err
		}
		m := regexp.MustCompile(` v=(\S+)`).FindSubmatch(out)
		if m == nil {
			return fmt.Errorf("%s: no version in %q", path, out)
		}
		s.program, s.version = path, s.kind+" "+string(m[1])
		return nil
	}, say)
}

var keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// sources are lines of a sources.list for the suite, from the mirrors of the system's own packages. A mirror that isn't
// Debian's is of no use, because its signature isn't in the keyring.
func sources(ctx context.Context, suite string) ([]string, error) {
	if _, err := os.Stat(keyring); err != nil {
		return nil, fmt.Errorf("%w: the servers come from Debian: %w", program.ErrUnavailable, err)
	}
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--no-release-info",
		"--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return nil, fmt.Errorf("%w: apt-get indextargets: %w", program.ErrUnavailable, err)
	}
	suites := []string{suite}
	if suite == "experimental" { // it is incomplete without sid
		suites = append(suites, "sid")
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[1] != "main" || strings.Contains(f[0], "-") { // as bookworm-updates
			continue
		}
		for _, suite := range suites {
			lines = append(lines, fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, f[2], suite))
		}
	}
	if lines == nil {
		return nil, fmt.Errorf("%w: apt's sources name no release of Debian", program.ErrUnavailable)
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// patch writes the paths of the loader and libraries of its own release into the server and its redis-cli. The paths are
// those that hold once unpacked has become root.
func (s *server) patch(ctx context.Context, unpacked, root string) error {
	libraries := program.Libraries(unpacked)
	var loaders []string
	for _, dir := range libraries {
		found, _ := filepath.Glob(filepath.Join(dir, "ld-linux*.so.*"))
		loaders = append(loaders, found...)
	}
	if len(loaders) != 1 {
		return fmt.Errorf("its packages have %d loaders: %q", len(loaders), loaders)
	}
	loader := loaders[0]
	path := strings.Join(libraries, ":")
	later := func(path string) string { return strings.ReplaceAll(path, unpacked, root) }
	for _, program := range []string{s.kind + "-server", s.kind + "-cli"} {
		program, err := filepath.EvalSymlinks(filepath.Join(unpacked, "usr", "bin", program)) // else patchelf replaces the link
		if err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, loader, "--library-path", path, filepath.Join(unpacked, "usr", "bin", "patchelf"),
			"--set-interpreter", later(loader), "--force-rpath", "--set-rpath", later(path), program).CombinedOutput()
		if err != nil {
			return fmt.Errorf("patchelf %s: %w: %s", program, err, out)
		}
	}
	return nil
}
