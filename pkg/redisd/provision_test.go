package redisd_test

import (
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
)

// The packages go into the user's cache, so they are downloaded once. To download them again:
// XDG_CACHE_HOME=$(mktemp -d) go test -run Provision.
func TestProvisionedServersShareOneDownload(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("neither Debian nor Ubuntu")
	}
	var programs [2]string
	var wg sync.WaitGroup
	for i := range programs {
		c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Provisioned}
		killAtEnd(t, c)
		wg.Go(func() {
			s, err := redisd.Ensure(t.Context(), c, func(string) {})
			if err != nil {
				t.Error(err)
				return
			}
			programs[i] = s.Program
		})
	}
	wg.Wait()
	if programs[0] == "" || programs[0] != programs[1] {
		t.Errorf("programs %q", programs)
	}
}

func TestWithNothingToStartItSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var said lines
	_, err := redisd.Ensure(t.Context(), redisd.Config{Dir: t.TempDir(), Port: freePort(t)}, said.say)
	if !errors.Is(err, redisd.ErrUnavailable) || !strings.Contains(err.Error(), "install") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
	for _, line := range []string{
		"skipped container: docker is not installed, podman is not installed",
		"skipped process: neither redis-server nor valkey-server is on PATH",
		"skipped provisioned: packages can be fetched on Debian and Ubuntu only: ",
	} {
		said.mustSay(t, line)
	}
}
