package redistest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/redis/go-redis/v9"
)

// limit is how long any one step may take, so that a test that waits in vain fails by itself.
const limit = 2 * time.Minute

// Server is a test's own server. Its DataDir holds dump.rdb and redis.log.
type Server struct{ *redisd.Server }

// Start starts a server on a port. Without any Redis the test fails.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return StartIn(tb, filepath.Join(tb.TempDir(), "state"))
}

// StartIn starts a server whose state folder is dir, for tests in which something else calls
// redisd.Ensure in that folder.
func StartIn(tb testing.TB, dir string) *Server {
	tb.Helper()
	port, err := redisd.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	return startIn(tb, dir, port)
}

// StartOnSocket starts a server that listens on a socket alone.
func StartOnSocket(tb testing.TB, dir string) *Server {
	tb.Helper()
	return startIn(tb, dir, 0)
}

func startIn(tb testing.TB, dir string, port int) *Server {
	tb.Helper()
	watch(tb, dir)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := redisd.Config{Dir: dir, Port: port, Kind: redisd.Process}
	s, err := redisd.Ensure(ctx, c, func(string) {})
	if errors.Is(err, redisd.ErrUnavailable) {
		c.Kind = redisd.Provisioned
		s, err = redisd.Ensure(ctx, c, func(line string) { tb.Log(line) })
	}
	if err != nil {
		tb.Fatal(err)
	}
	server := &Server{s}
	tb.Cleanup(func() {
		server.Kill(tb)
		if dir := filepath.Dir(server.Addr); strings.HasPrefix(server.Addr, "/") && dir != server.DataDir {
			os.RemoveAll(dir) // made for a socket whose path would be too long
		}
	})
	return server
}

// Client returns a client, closed when the test ends.
func (s *Server) Client(tb testing.TB) redis.UniversalClient {
	tb.Helper()
	c, err := s.Endpoint().Client("test")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// Given is the way to the server as one that is given by its address.
func (s *Server) Given() redisd.Endpoint {
	at := "redis://" + s.Addr + "/0"
	if strings.HasPrefix(s.Addr, "/") {
		at = "unix://" + s.Addr
	}
	return redisd.Endpoint{URL: at, PasswordFile: filepath.Join(s.DataDir, "password")}
}

// Kill kills the server as a crash does, with any checkpoint under way.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.must(tb, s.Server.Kill)
}

// Start starts the server again with the data of its last checkpoint.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.must(tb, s.Server.Start)
}

// Checkpoint runs BGSAVE to its end and returns the dump.
func (s *Server) Checkpoint(tb testing.TB) []byte {
	tb.Helper()
	s.must(tb, s.bgsave)
	dump, err := os.ReadFile(s.dump())
	if err != nil {
		tb.Fatal(err)
	}
	return dump
}

// Restore kills the server and starts it with this dump, or with no data if dump is nil.
func (s *Server) Restore(tb testing.TB, dump []byte) {
	tb.Helper()
	s.Kill(tb)
	err := os.Remove(s.dump())
	if dump != nil {
		err = os.WriteFile(s.dump(), dump, 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
	s.Start(tb)
}

func (s *Server) dump() string { return filepath.Join(s.DataDir, "dump.rdb") }

func (s *Server) bgsave(ctx context.Context) error {
	c, err := s.Endpoint().Client("test")
	if err != nil {
		return err
	}
	defer c.Close()
	// A save that somebody else began would lack what was written since.
	for err = c.BgSave(ctx).Err(); err != nil && strings.Contains(err.Error(), "in progress"); err = c.BgSave(ctx).Err() {
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	for {
		info, err := c.InfoMap(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		p := info["Persistence"]
		if p["rdb_bgsave_in_progress"] == "0" {
			if p["rdb_last_bgsave_status"] != "ok" {
				return errors.New("BGSAVE failed: see redis.log")
			}
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *Server) must(tb testing.TB, do func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := do(ctx); err != nil {
		tb.Fatal(err)
	}
}

// Command is another server of the same program, for a test that needs what Start doesn't do:
// replicas, Sentinels, a cluster. If it was started, it is killed when the test ends.
func (s *Server) Command(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(s.Program, args...)
	cmd.Dir = tb.TempDir()
	if s.Libs != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+s.Libs)
	}
	tb.Cleanup(func() {
		if cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}
