package program

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// Nothing that somebody else may have put into the cache is run.
func TestFault61ACacheThatMayBeSomebodyElsesRunsNothing(t *testing.T) {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("neither Debian nor Ubuntu")
		}
	}
	root := filepath.Join("redis", "redis-"+release()+"-"+runtime.GOARCH)
	for name, prepare := range map[string]func(cache string) error{
		"others can write to the cache":    func(cache string) error { return os.Chmod(filepath.Join(cache, "redis"), 0o777) },
		"others can write to the packages": func(cache string) error { return os.Chmod(filepath.Join(cache, root), 0o777) },
		"others can write to the programs": func(cache string) error { return os.Chmod(filepath.Join(cache, root, "usr", "bin"), 0o777) },
		"others can write to the program": func(cache string) error {
			return os.Chmod(filepath.Join(cache, root, "usr", "bin", "redis-server"), 0o777)
		},
		"the cache is a link": func(cache string) error { return movedAndLinked(filepath.Join(cache, "redis")) },
		"the program is another user's (root)": func(cache string) error {
			return os.Chown(filepath.Join(cache, root, "usr", "bin", "redis-server"), 65534, -1)
		},
		"the cache is another user's (root)": func(cache string) error { return os.Chown(filepath.Join(cache, "redis"), 65534, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			cache, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
			t.Setenv("XDG_CACHE_HOME", cache)
			bin := filepath.Join(cache, root, "usr", "bin")
			if err := os.MkdirAll(bin, 0o700); err != nil {
				t.Fatal(err)
			}
			script := "#!/bin/sh\ntouch '" + ran + "'\necho Redis server v=7.0.15\n"
			if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := prepare(cache); errors.Is(err, os.ErrPermission) {
				t.Skip("only root can give a file away")
			} else if err != nil {
				t.Fatal(err)
			}
			_, err := Provisioned(t.Context(), "redis", func(line string) { t.Error(line) })
			if !errors.Is(err, host.ErrFolder) {
				t.Error(err)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("the program has run")
			}
		})
	}
}

func movedAndLinked(dir string) error {
	if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
		return err
	}
	return os.Symlink(dir+"-elsewhere", dir)
}
