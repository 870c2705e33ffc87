package redisd_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/redis/go-redis/v9"
)

func TestFault60ClientsFollowTheirServerToAnotherPortWithOtherPasswords(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	guest, err := s.AddUser(t.Context(), "guest", "+ping +client")
	must(t, err)
	clients := []redis.UniversalClient{client(t, s.Endpoint()), client(t, guest)}
	before := passwords(t, s)
	s.Kill(t)
	l, err := net.Listen("tcp", s.Addr)
	must(t, err)
	defer l.Close()
	if again := ensure(t, config(s)); again.Addr == s.Addr {
		t.Fatal("it is where it was")
	}
	for i, c := range clients {
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	for file, password := range passwords(t, s) {
		if password == before[file] {
			t.Errorf("%s is what it was", file)
		}
	}
}

func TestACallThatFindsNoServerSaysThatItMayPass(t *testing.T) {
	t.Parallel()
	killed := redistest.Start(t)
	gone := redistest.Start(t)
	clients := map[string]redis.UniversalClient{"a killed server": client(t, killed.Endpoint()), "no server": client(t, gone.Endpoint())}
	killed.Kill(t)
	gone.Kill(t)
	must(t, os.Remove(filepath.Join(gone.DataDir, "server.json")))
	for what, c := range clients {
		err := c.Ping(t.Context()).Err()
		passes, ok := errors.AsType[interface {
			error
			Temporary() bool
		}](err)
		if !ok || !passes.Temporary() {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// passwords returns the password of each user, by its file.
func passwords(t *testing.T, s *redistest.Server) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range []string{"password", "users/guest.password"} {
		text, err := os.ReadFile(filepath.Join(s.DataDir, file))
		must(t, err)
		found[file] = string(text)
	}
	return found
}

func TestAStartedServerListensOnASocketAlone(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"short": "", "long": strings.Repeat("long", 25)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top, err := os.MkdirTemp("", "redisd")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(top) })
			s := redistest.StartOnSocket(t, filepath.Join(top, dir, "state"))
			if inside := filepath.Dir(s.Addr) == s.DataDir; inside != (name == "short") || len(s.Addr) > 100 {
				t.Errorf("it is at %s", s.Addr)
			}
			info, err := os.Lstat(filepath.Dir(s.Addr))
			must(t, err)
			if info.Mode().Perm() != 0o700 {
				t.Errorf("its folder has mode %v", info.Mode())
			}
			c := s.Client(t)
			if port := c.ConfigGet(t.Context(), "port").Val()["port"]; port != "0" {
				t.Errorf("it listens on port %s, too", port)
			}
			addr := s.Addr
			s.Kill(t)
			s.Start(t)
			if err := c.Ping(t.Context()).Err(); err != nil || s.Addr != addr {
				t.Errorf("it is back at %s: %v", s.Addr, err)
			}
			if again := ensure(t, config(s)); again.Pid != s.Pid {
				t.Error("another one was started")
			}
			must(t, s.Stop(t.Context()))
			if !gone(addr) || name == "long" && !gone(filepath.Dir(addr)) {
				t.Errorf("its socket was left behind")
			}
		})
	}
}

func TestAServerWhoseSocketIsGoneIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := redistest.StartOnSocket(t, filepath.Join(t.TempDir(), "state"))
	c := s.Client(t)
	must(t, c.Set(t.Context(), "k", "saved", 0).Err())
	s.Checkpoint(t)
	must(t, os.Remove(s.Addr))
	var said lines
	again, err := redisd.Ensure(t.Context(), config(s), said.say)
	must(t, err)
	said.mustSay(t, "its socket is gone")
	if again.Pid == s.Pid || isRedis(s.Pid) {
		t.Error("the unreachable one was left")
	}
	if got := client(t, again.Endpoint()).Get(t.Context(), "k").Val(); got != "saved" {
		t.Errorf("it came back with %q", got)
	}
}
