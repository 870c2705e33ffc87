package redisd_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestContainer(t *testing.T) {
	engine := redistest.Engine(t)
	image := redistest.Start(t).Image(t, engine)
	config := func(t *testing.T) redisd.Config {
		c := redisd.Config{Dir: t.TempDir(), Kind: redisd.Container, Image: image}
		killAtEnd(t, c)
		return c
	}
	inspect := func(t *testing.T, s *redisd.Server) string {
		t.Helper()
		out, err := exec.Command(engine, "inspect", s.Name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	gone := func(s *redisd.Server) bool { return exec.Command(engine, "inspect", s.Name).Run() != nil }

	t.Run("is started, found again, killed and started as it was", func(t *testing.T) {
		c := config(t)
		s := ensure(t, c)
		if !strings.Contains(s.String(), image+" in "+engine) || s.DataDir != filepath.Join(c.Dir, "redis") {
			t.Errorf("%s: %+v", s, s)
		}
		password, _ := os.ReadFile(filepath.Join(s.DataDir, "password"))
		before := inspect(t, s)
		if strings.Contains(before, strings.TrimSpace(string(password))) {
			t.Error("the engine shows the password")
		}
		if again := ensure(t, c); again.Addr != s.Addr || inspect(t, again) == "" {
			t.Errorf("found %s instead of %s", again, s)
		}
		ctx := t.Context()
		conn := client(t, s.Endpoint())
		conn.Set(ctx, "k", "saved", 0)
		if err := conn.Save(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(s.DataDir, "dump.rdb")); err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
			t.Errorf("the dump isn't this user's: %v %v", info, err)
		}
		conn.Set(ctx, "k", "lost", 0)
		temp := endlessBGSAVE(t, conn, s.DataDir)
		addr := s.Addr
		if err := s.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(temp); !gone(s) || !os.IsNotExist(err) {
			t.Errorf("container gone: %v, temporary file: %v", gone(s), err)
		}
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if got := conn.Get(ctx, "k").Val(); got != "saved" || s.Addr != addr {
			t.Errorf("came back with %q at %s", got, s.Addr)
		}
		if err := s.Start(ctx); err != nil {
			t.Errorf("starting it while it runs: %v", err)
		}
	})

	t.Run("is started again after somebody else removed it", func(t *testing.T) {
		c := config(t)
		s := ensure(t, c)
		if out, err := exec.Command(engine, "kill", s.Name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if again := ensure(t, c); again.Addr != s.Addr {
			t.Errorf("at %s instead of %s", again.Addr, s.Addr)
		}
	})

	t.Run("replaces a container that never started", func(t *testing.T) {
		c := config(t)
		s := ensure(t, c)
		if err := s.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(engine, "create", "--name", s.Name, image, "redis-server").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		ensure(t, c)
	})

	t.Run("avoids a taken port", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c := config(t)
		c.Port = l.Addr().(*net.TCPAddr).Port
		if s := ensure(t, c); s.Addr == l.Addr().String() {
			t.Error("took it")
		}
	})

	t.Run("saves when it is stopped", func(t *testing.T) {
		c := config(t)
		s := ensure(t, c)
		client(t, s.Endpoint()).Set(t.Context(), "k", "unsaved", 0)
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !gone(s) {
			t.Error("it is still there")
		}
		if got := client(t, ensure(t, c).Endpoint()).Get(t.Context(), "k").Val(); got != "unsaved" {
			t.Errorf("the next server has %q", got)
		}
	})

	t.Run("puts a dump aside that it can't load", func(t *testing.T) {
		c := config(t)
		s := ensure(t, c)
		if err := s.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.DataDir, "dump.rdb"), []byte("REDIS0010"), 0o600); err != nil {
			t.Fatal(err)
		}
		var said lines
		if _, err := redisd.Ensure(t.Context(), c, said.say); err != nil {
			t.Fatal(err)
		}
		said.mustSay(t, "the server can't load its dump.rdb: ")
		said.mustSay(t, "RDB")
	})

	t.Run("is refused if it is too old", func(t *testing.T) {
		program := filepath.Join(t.TempDir(), "redis-server")
		build := exec.Command("go", "build", "-o", program, "./testdata/oldredis")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c := config(t)
		c.Port = freePort(t) // this server has no sockets
		c.Image = redistest.ImageOf(t, engine, map[string]string{"/usr/bin/redis-server": program})
		_, err := redisd.Ensure(t.Context(), c, func(string) {})
		if !errors.Is(err, redisd.ErrUnavailable) || !strings.Contains(err.Error(), "needs Redis 7.0 or newer, found 6.2.14") {
			t.Error(err)
		}
		if out, _ := exec.Command(engine, "ps", "-aq", "--filter", "label=redis="+filepath.Join(c.Dir, "redis")).Output(); len(out) != 0 {
			t.Error("it is still there")
		}
	})
}

func TestAnImageThatCannotBeHadLeadsToTheNextWay(t *testing.T) {
	engine := redistest.Engine(t)
	redistest.Start(t) // fetches the packages, if they are needed
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Image: "no-such-registry.invalid/redis:7.4"}
	killAtEnd(t, c)
	var said lines
	s, err := redisd.Ensure(t.Context(), c, said.say)
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind == redisd.Container {
		t.Errorf("%s", s)
	}
	said.mustSay(t, "skipped container: "+engine+" has no image no-such-registry.invalid/redis:7.4 and can't pull it: ")
	said.mustSay(t, s.String())
}

func TestAnEngineThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	onPath(t, "docker", "exec sleep 600")
	onPath(t, "podman", "exit 125")
	_, err := redisd.Ensure(t.Context(), redisd.Config{Dir: t.TempDir(), Kind: redisd.Container}, func(string) {})
	if !errors.Is(err, redisd.ErrUnavailable) || !strings.Contains(err.Error(), "docker doesn't answer, podman doesn't answer") {
		t.Error(err)
	}
}
