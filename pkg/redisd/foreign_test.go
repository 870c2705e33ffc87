package redisd_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// format reads the format of a dump, such as VALKEY080 or REDIS0012.
func format(dump []byte) (kind string, number int) {
	if _, err := fmt.Sscanf(string(dump[:9]), "VALKEY%d", &number); err == nil {
		return "valkey", number
	}
	fmt.Sscanf(string(dump[:9]), "REDIS%d", &number)
	return "redis", number
}

// reads reports whether a server that writes the dump own can read another one.
func reads(own, dump []byte) bool {
	kind, number := format(dump)
	ownKind, highest := format(own)
	if ownKind == "valkey" && kind == "redis" {
		highest = 11 // the last format that Valkey shares with Redis
	}
	return number <= highest && (kind == "redis" || ownKind == "valkey")
}

// Each dump in testdata was written by the server that it is named after.
func TestADumpOfAnotherServerIsReadOrLeftAlone(t *testing.T) {
	t.Parallel()
	dumps, err := filepath.Glob("testdata/dumps/*.rdb")
	if err != nil || len(dumps) == 0 {
		t.Fatalf("%d dumps: %v", len(dumps), err)
	}
	own := redistest.Start(t).Checkpoint(t)
	for _, path := range dumps {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			dump, err := os.ReadFile(path)
			must(t, err)
			s := redistest.Start(t)
			if reads(own, dump) {
				s.Restore(t, dump)
				c := s.Client(t)
				if got := c.Get(t.Context(), "key").Val(); got != "value" {
					t.Errorf("the key holds %q", got)
				}
				if got := c.XPending(t.Context(), "stream", "workers").Val(); got == nil || got.Count != 1 {
					t.Errorf("of the stream there is pending %+v", got)
				}
				if got := c.FCall(t.Context(), "echo", nil, "hello").Val(); got != "hello" {
					t.Errorf("the function returns %v", got)
				}
				return
			}
			name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".rdb"), "-")
			isLeftAlone(t, s, dump, name+" "+version+" wrote it")
		})
	}
}

func TestADumpThatIsNewerThanAllServersOrNeedsAModuleIsLeftAlone(t *testing.T) {
	t.Parallel()
	const moduleAux, number, beforeKeys = 0xf7, 2, 1
	module := binary.BigEndian.AppendUint64([]byte("REDIS0010\xfa\x09redis-ver\x058.6.3\xf7\x81"), 1<<40)
	module = append(module, number, beforeKeys)
	for dump, says := range map[string]string{
		"REDIS9999 and then something": "a newer server wrote it",
		"VALKEY999 and then something": "a newer server wrote it",
		string(module):                 "redis 8.6.3 wrote it",
	} {
		isLeftAlone(t, redistest.Start(t), []byte(dump), says)
	}
}

// isLeftAlone checks that the server can't start with the dump, says why, and leaves the dump as it is.
func isLeftAlone(t *testing.T, s *redistest.Server, dump []byte, says string) {
	t.Helper()
	s.Kill(t)
	path := filepath.Join(s.DataDir, "dump.rdb")
	must(t, os.WriteFile(path, dump, 0o600))
	for _, start := range []func() error{
		func() error { return s.Server.Start(t.Context()) },
		func() error { // there is no other kind of server to try
			c := config(s)
			c.Kind = redisd.Process
			_, err := redisd.Ensure(t.Context(), c, func(string) {})
			return err
		},
	} {
		err := start()
		if !errors.Is(err, redisd.ErrDump) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%.9s: %v", dump, err)
		}
		for _, part := range []string{says, s.Program + " says", path} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("it doesn't say %q: %v", part, err)
			}
		}
		if text, _ := os.ReadFile(path); !bytes.Equal(text, dump) {
			t.Errorf("%.9s was touched", dump)
		}
	}
}

func TestADumpThatTheFirstServerOnPATHCannotReadIsReadByAnother(t *testing.T) {
	onPath(t, "redis-server", realServer(t))
	s := redistest.Start(t)
	must(t, s.Client(t).Set(t.Context(), "key", "value", 0).Err())
	s.Checkpoint(t)
	s.Kill(t)
	onPath(t, "redis-server", `case $1 in
--version) echo Redis server v=7.0.0;;
*) echo "Can't handle RDB format version 99"; exit 1
esac`)
	c := config(s)
	c.Kind, c.Port = redisd.Process, freePort(t)
	for _, start := range []func() (*redisd.Server, error){
		func() (*redisd.Server, error) { // another process, which knows the server by its folder
			again, err := redisd.Open(c)
			must(t, err)
			return again, again.Start(t.Context())
		},
		func() (*redisd.Server, error) { return redisd.Ensure(t.Context(), c, func(string) {}) },
		func() (*redisd.Server, error) { // a folder that has forgotten its server, but has its dump
			must(t, os.Remove(filepath.Join(s.DataDir, "server.json")))
			return redisd.Ensure(t.Context(), c, func(string) {})
		},
	} {
		again, err := start()
		if err != nil {
			t.Fatal(err)
		}
		if got := client(t, again.Endpoint()).Get(t.Context(), "key").Val(); got != "value" {
			t.Errorf("the other server has %q", got)
		}
		must(t, again.Kill(t.Context()))
	}
}
