package redisd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/redis/go-redis/v9"
)

// lines collects what Ensure says.
type lines struct {
	mu   sync.Mutex
	said []string
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line)
}

func (l *lines) String() string { return strings.Join(l.said, "\n") }

func (l *lines) mustSay(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(l.String(), want) {
		t.Errorf("said:\n%s\nbut nothing about %q", l, want)
	}
}

// config is the configuration for the folder of a test server.
func config(s *redistest.Server) redisd.Config {
	return redisd.Config{Dir: filepath.Dir(s.DataDir)}
}

func ensure(t *testing.T, c redisd.Config) *redisd.Server {
	t.Helper()
	var said lines
	s, err := redisd.Ensure(t.Context(), c, said.say)
	if err != nil {
		t.Fatalf("Ensure: %v, having said:\n%s", err, &said)
	}
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	p, err := redisd.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func client(t *testing.T, e redisd.Endpoint) redis.UniversalClient {
	t.Helper()
	c, err := e.Client("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// killAtEnd kills the server of a folder when the test ends.
func killAtEnd(t *testing.T, c redisd.Config) {
	t.Cleanup(func() {
		s, err := redisd.Open(c)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Kill(ctx); err != nil {
			t.Error(err)
		}
		if dir := filepath.Dir(s.Addr); strings.HasPrefix(s.Addr, "/") && dir != s.DataDir {
			os.RemoveAll(dir) // made for a socket whose path would be too long
		}
	})
}

// onPath puts a shell script with this body first on PATH.
func onPath(t *testing.T, name, body string) {
	t.Helper()
	dir := t.TempDir()
	redistest.WriteExecutable(t, filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// realServer is a shell command that becomes the server program that redistest found.
func realServer(t *testing.T) string {
	t.Helper()
	s := redistest.Start(t)
	return fmt.Sprintf(`LD_LIBRARY_PATH='%s' exec '%s' "$@"`, s.Libs, s.Program)
}

// serve runs a server with these arguments, without redisd.
func serve(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	s := redistest.Start(t)
	cmd := exec.Command(s.Program, append(args, "--save", "", "--logfile", filepath.Join(t.TempDir(), "log"))...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+s.Libs)
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// alive reports whether a child of this process has not ended.
func alive(cmd *exec.Cmd) bool { return cmd.Process.Signal(syscallZero) == nil }

// editRecord changes fields of the folder's server.json.
func editRecord(t *testing.T, dataDir string, change func(map[string]any)) {
	t.Helper()
	path := filepath.Join(dataDir, "server.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := map[string]any{}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	change(record)
	if text, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// endlessBGSAVE starts a checkpoint that doesn't end by itself, and returns the child's temporary
// file.
func endlessBGSAVE(t *testing.T, c redis.UniversalClient, dataDir string) string {
	t.Helper()
	ctx := t.Context()
	c.Set(ctx, "k", "v", 0)
	if err := c.ConfigSet(ctx, "rdb-key-save-delay", "600000000").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.BgSave(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	var found []string
	eventually(t, "the child writes its file", func() bool {
		found = nil
		files, _ := os.ReadDir(dataDir)
		for _, f := range files {
			if strings.HasPrefix(f.Name(), "temp-") {
				found = append(found, filepath.Join(dataDir, f.Name()))
			}
		}
		return len(found) == 1
	})
	return found[0]
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return os.IsNotExist(err)
}

// childOf reads the pid from the name of a checkpoint's temporary file.
func childOf(t *testing.T, temp string) int {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(filepath.Base(temp), "temp-%d.rdb", &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
