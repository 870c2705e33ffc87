package redisd_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
)

func TestPackagesAreTakenFromASourceThatSignedThemOnly(t *testing.T) {
	for _, tool := range []string{"apt-get", "dpkg-deb", "gpg", "gpgconf"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here to make packages with", tool)
		}
	}
	keys, err := os.MkdirTemp("", "gpg") // because a socket's path must be short
	must(t, err)
	t.Cleanup(func() {
		command(t, "gpgconf", "--homedir", keys, "--kill", "all")
		os.RemoveAll(keys)
	})
	for _, name := range []string{"friend", "stranger"} {
		command(t, "gpg", "--homedir", keys, "--batch", "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", "1d")
	}
	trusted := filepath.Join(keys, "trusted.gpg")
	command(t, "gpg", "--homedir", keys, "--output", trusted, "--export", "friend")

	for signer, taken := range map[string]bool{"friend": true, "stranger": false, "": false} {
		t.Run("signed by "+signer, func(t *testing.T) {
			source, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
			repository(t, source, "touch '"+ran+"'; echo Redis server v=99.0.0")
			if signer != "" {
				command(t, "gpg", "--homedir", keys, "--local-user", signer, "--output", filepath.Join(source, "InRelease"),
					"--clearsign", filepath.Join(source, "Release"))
			}
			must(t, os.Remove(filepath.Join(source, "Release")))
			// The system's own settings allow packages without a signature.
			list, conf := filepath.Join(t.TempDir(), "sources.list"), filepath.Join(t.TempDir(), "apt.conf")
			must(t, os.WriteFile(list, fmt.Appendf(nil, "deb [signed-by=%s] file:%s ./\n", trusted, source), 0o600))
			must(t, os.WriteFile(conf, fmt.Appendf(nil, `Dir::Etc::sourcelist "%s";
Dir::Etc::sourceparts "/dev/null";
APT::Get::AllowUnauthenticated "true";
Acquire::AllowInsecureRepositories "true";
Acquire::AllowWeakRepositories "true";
Acquire::AllowDowngradeToInsecureRepositories "true";
`, list), 0o600))
			t.Setenv("APT_CONFIG", conf)
			t.Setenv("XDG_CACHE_HOME", t.TempDir())

			// Even the program that is taken is no server.
			_, err := redisd.Ensure(t.Context(), redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Provisioned}, func(string) {})
			if !errors.Is(err, redisd.ErrUnavailable) {
				t.Error(err)
			}
			if gone(ran) == taken {
				t.Errorf("the program in the packages has run: %v (%v)", !gone(ran), err)
			}
		})
	}
}

// repository makes dir a source of packages. The one named redis-server holds a shell script with
// this body.
func repository(t *testing.T, dir, body string) {
	t.Helper()
	var index strings.Builder
	for _, name := range []string{"redis-server", "redis-tools"} {
		root := filepath.Join(t.TempDir(), name)
		for _, sub := range []string{"DEBIAN", "usr/bin"} {
			must(t, os.MkdirAll(filepath.Join(root, sub), 0o755))
		}
		control := fmt.Sprintf("Package: %s\nVersion: 5:99.0-1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: for a test\n", name)
		must(t, os.WriteFile(filepath.Join(root, "DEBIAN", "control"), []byte(control), 0o644))
		if name == "redis-server" {
			must(t, os.WriteFile(filepath.Join(root, "usr/bin", name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
		}
		file := name + ".deb"
		command(t, "dpkg-deb", "--root-owner-group", "--build", root, filepath.Join(dir, file))
		text, err := os.ReadFile(filepath.Join(dir, file))
		must(t, err)
		fmt.Fprintf(&index, "%sFilename: ./%s\nSize: %d\nSHA256: %x\n\n", control, file, len(text), sha256.Sum256(text))
	}
	must(t, os.WriteFile(filepath.Join(dir, "Packages"), []byte(index.String()), 0o644))
	release := fmt.Sprintf("Date: %s\nSHA256:\n %x %d Packages\n", time.Now().UTC().Format(time.RFC1123),
		sha256.Sum256([]byte(index.String())), index.Len())
	must(t, os.WriteFile(filepath.Join(dir, "Release"), []byte(release), 0o644))
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}
