package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Provisioned finds a server program in the distribution's own packages, in a folder of the user's
// cache. The first call downloads them. It needs no root and installs nothing; apt checks the
// signatures.
func Provisioned(ctx context.Context, cache string, say func(string)) (Program, error) {
	var p Program
	// Programs and libraries fit one release of one system.
	name := "redis-" + release() + "-" + runtime.GOARCH
	use := func(root string) (err error) {
		p, err = below(ctx, root)
		return err
	}
	err := Fetch(ctx, cache, name, Packages{Servers: names}, use, say)
	return p, err
}

// Packages says which packages to fetch.
type Packages struct {
	Servers []string // the first of these that is new enough is taken
	With    []string // more packages to unpack beside it

	// Packages of another release than the system's: lines of a sources.list, and the suite that a
	// package is taken from if it has it. Then all that they depend on is unpacked, too, down to
	// the C library.
	Sources []string
	Suite   string

	// Finish may change what was unpacked, before it is moved to root.
	Finish func(unpacked, root string) error
}

// Fetch unpacks packages below cache/name in the user's cache, completely or not at all, and calls
// use for that folder. If use fails on what is there already, the packages are fetched anew. What
// somebody else may have put there is not used: host.ErrFolder.
func Fetch(ctx context.Context, cache, name string, p Packages, use func(root string) error, say func(string)) error {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: packages can be fetched on Debian and Ubuntu only: %s", ErrUnavailable, HowToInstall())
		}
	}
	dir, err := cacheFolder(cache)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	unlock, err := host.Lock(ctx, dir)
	if err != nil {
		return err
	}
	defer unlock()

	root := filepath.Join(dir, name)
	useChecked := func() error {
		if err := checkRoot(root); err != nil {
			return err
		}
		return use(root)
	}
	if err := useChecked(); err == nil || errors.Is(err, host.ErrFolder) {
		return err
	}
	say(fmt.Sprintf("fetching %s packages into %s, once", cmp.Or(p.Suite, "the distribution's redis"), dir))
	if err := p.unpack(ctx, dir, root); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return useChecked()
}

// HowToInstall says how a person gets a server.
func HowToInstall() string {
	if runtime.GOOS == "darwin" {
		return "brew install redis"
	}
	return "install redis-server or valkey-server 7.0 or newer"
}

// cacheFolder makes a folder of the user's cache.
func cacheFolder(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, host.Private(dir, host.Writable)
}

// checkRoot refuses programs that somebody else may have put below root. The packages themselves
// hold links.
func checkRoot(root string) error {
	return host.CheckTree(root, func(path string, d fs.DirEntry) error {
		if d.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		info, err := d.Info()
		if err == nil && !host.Exclusive(info) {
			err = fmt.Errorf("%w: %q may be somebody else's: remove %q", host.ErrFolder, path, root)
		}
		return err
	})
}

// below finds a server program below root that runs and is new enough.
func below(ctx context.Context, root string) (Program, error) {
	libs := strings.Join(Libraries(root), ":")
	err := fmt.Errorf("%w: no server in %s", ErrUnavailable, root)
	for _, name := range names {
		p := Program{filepath.Join(root, "usr", "bin", name), libs}
		if _, missing := os.Stat(p.Path); missing != nil {
			continue
		}
		if err = p.usable(ctx); err == nil {
			return p, nil
		}
	}
	return Program{}, err
}

// Libraries returns the folders below root that hold libraries of packages.
func Libraries(root string) (dirs []string) {
	for _, pattern := range []string{"usr/lib/*-linux-*", "lib/*-linux-*"} {
		found, _ := fs.Glob(os.DirFS(root), pattern) // the pattern is sound
		for _, dir := range found {
			dirs = append(dirs, filepath.Join(root, dir))
		}
	}
	return dirs
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
