package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrUnavailable says that this machine has no such way to a server.
var ErrUnavailable = errors.New("redisd: no redis to be had")

// names are the names of the server programs, and also of their packages. Debian and Ubuntu have
// one of them or both, some in a version that is too old.
var names = []string{"redis-server", "valkey-server"}

// OnPath finds the first server program on PATH, of either name, that is new enough and whose path
// is not among those that were tried.
func OnPath(ctx context.Context, tried []string) (Program, error) {
	var problems []string
	for _, path := range onPath() {
		if slices.Contains(tried, path) {
			continue
		}
		p := Program{Path: path}
		err := p.usable(ctx)
		if err == nil {
			return p, nil
		}
		problems = append(problems, fmt.Sprintf("%s: %s", path, err))
	}
	if problems == nil {
		return Program{}, fmt.Errorf("%w: neither redis-server nor valkey-server is on PATH", ErrUnavailable)
	}
	return Program{}, fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(problems, ", "))
}

// onPath lists the server programs on PATH, in its order, each once: /bin is often a link to
// /usr/bin.
func onPath() []string {
	var paths, files []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		for _, name := range names {
			path, err := exec.LookPath(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(path) {
				continue
			}
			file, err := filepath.EvalSymlinks(path)
			if err == nil && !slices.Contains(files, file) {
				paths, files = append(paths, path), append(files, file)
			}
		}
	}
	return paths
}
