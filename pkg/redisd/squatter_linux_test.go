package redisd_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/redis/go-redis/v9"
)

func TestFault59WhoeverTakesTheDeadServersPortGetsNoPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	clients := append(waysIn(t, s), client(t, s.Endpoint()))
	addr := s.Addr
	s.Kill(t)
	squatter := redistest.Squat(t, "tcp", addr)
	for _, c := range clients {
		err := c.Ping(t.Context()).Err()
		if !errors.Is(err, redisd.ErrPortTaken) || !strings.Contains(err.Error(), fmt.Sprintf("process %d of user %d listens there", os.Getpid(), redistest.Nobody)) {
			t.Errorf("it is told: %v", err)
		}
	}
	if err := s.Server.Start(t.Context()); !errors.Is(err, redisd.ErrPortTaken) || !strings.Contains(err.Error(), fmt.Sprint("of user ", redistest.Nobody)) {
		t.Errorf("Start: %v", err)
	}
	again := ensure(t, config(s))
	if again.Addr == addr {
		t.Error("it is where somebody else listens")
	}
	followed(t, clients, squatter)
	if _, visits := squatter.Heard(); visits == 0 {
		t.Error("nobody went to where the server was")
	}
}

func TestFault59WhoeverTakesTheDeadServersSocketGetsNoPassword(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	t.Parallel()
	for name, take := range map[string]func(t *testing.T, socket string) *redistest.Squatter{
		"in a folder of theirs": func(t *testing.T, socket string) *redistest.Squatter {
			dir := filepath.Dir(socket)
			must(t, os.RemoveAll(dir))
			must(t, os.Mkdir(dir, 0o755))
			t.Cleanup(func() { os.RemoveAll(dir) })
			must(t, os.Chown(dir, redistest.Nobody, redistest.Nobody))
			return redistest.Squat(t, "unix", socket)
		},
		"in our own folder": func(t *testing.T, socket string) *redistest.Squatter {
			dir, err := os.MkdirTemp("", "squat")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			must(t, os.Chown(dir, redistest.Nobody, redistest.Nobody))
			squatter := redistest.Squat(t, "unix", filepath.Join(dir, "s"))
			must(t, os.Rename(filepath.Join(dir, "s"), socket))
			return squatter
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.StartOnSocket(t, filepath.Join(t.TempDir(), strings.Repeat("long", 25)))
			clients := append(waysIn(t, s), client(t, s.Endpoint()))
			s.Kill(t)
			squatter := take(t, s.Addr)
			for _, c := range clients {
				if err := c.Ping(t.Context()).Err(); err == nil {
					t.Error("it was taken for the server")
				}
			}
			c := config(s)
			killAtEnd(t, c)
			again := ensure(t, c)
			t.Cleanup(func() { os.RemoveAll(filepath.Dir(again.Addr)) })
			followed(t, clients, squatter)
		})
	}
}

// waysIn returns a client for each of a server's users.
func waysIn(t *testing.T, s *redistest.Server) []redis.UniversalClient {
	t.Helper()
	guest, err := s.AddUser(t.Context(), "guest", "+ping +client")
	must(t, err)
	clients := []redis.UniversalClient{client(t, s.Endpoint()), client(t, guest)}
	for _, c := range clients {
		must(t, c.Ping(t.Context()).Err())
	}
	return clients
}

// followed checks that the clients have found the server again, and that nobody told the squatter
// anything.
func followed(t *testing.T, clients []redis.UniversalClient, squatter *redistest.Squatter) {
	t.Helper()
	for i, c := range clients {
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Errorf("client %d doesn't find the server: %v", i, err)
		}
	}
	if said, _ := squatter.Heard(); said != "" {
		t.Errorf("somebody else was told %q", said)
	}
}
