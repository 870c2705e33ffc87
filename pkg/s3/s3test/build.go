package s3test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// module is the folder of the server's module, which names its version.
func module() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "..", ".s3server")
}

// program returns the path of the server. The first process that asks for it builds it, which takes
// two minutes of a CPU, and the others wait. It stays in the user's cache.
var program = sync.OnceValues(func() (string, error) {
	sums, err := os.ReadFile(filepath.Join(module(), "go.sum"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(append(sums, runtime.Version()...))
	dir := filepath.Join(cache, "wordcount", "s3server", hex.EncodeToString(hash[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // gives the lock back
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path+".new", "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = module()
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w: %.300s", err, out)
	}
	return path, os.Rename(path+".new", path)
})

// Build builds the server, unless it is there. The error says why it can't be built.
func Build() error {
	_, err := program()
	return err
}

// mustBuild returns the path of the server, or skips the test. In the gate (CI=true) it fails.
func mustBuild(tb testing.TB) string {
	tb.Helper()
	path, err := program()
	if err != nil && os.Getenv("CI") == "true" {
		tb.Fatal(err)
	}
	if err != nil {
		tb.Skipf("needs a server for S3: %v", err)
	}
	return path
}
