package redisd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func itoa(i int) string { return strconv.Itoa(i) }

func TestAGivenServerIsOnlyAsked(t *testing.T) {
	t.Parallel()
	host := redistest.Start(t)
	dir := filepath.Join(t.TempDir(), "state")
	c := redisd.Config{Dir: dir, URL: "redis://" + host.Addr, PasswordFile: host.Given().PasswordFile}
	s := ensure(t, c)
	if s.Kind != redisd.Given || s.Owned() || s.Addr != host.Addr || s.DataDir != "" {
		t.Errorf("%+v", s)
	}
	for name, do := range map[string]func(context.Context) error{"Kill": s.Kill, "Stop": s.Stop, "Start": s.Start} {
		if err := do(t.Context()); !errors.Is(err, redisd.ErrGiven) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !gone(dir) {
		t.Error("a folder was made")
	}
	if !isRedis(host.Pid) {
		t.Error("the given server is gone")
	}

	host.Kill(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := redisd.Ensure(ctx, c, func(string) {}); !errors.Is(err, redisd.ErrUnreachable) {
		t.Errorf("with the given server down: %v", err)
	}
	if isRedis(host.Pid) {
		t.Error("the given server was started")
	}
}

func TestAWrongPasswordFailsAtOnceAndIsNotPrinted(t *testing.T) {
	t.Parallel()
	host := redistest.Start(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []redisd.Config{
		{URL: "redis://:hunter2@" + host.Addr},
		{URL: "redis://somebody:hunter2@" + host.Addr},
		{URL: "redis://" + host.Addr, PasswordFile: file},
	} {
		began := time.Now()
		_, err := redisd.Ensure(t.Context(), c, func(string) {})
		if !errors.Is(err, redisd.ErrRefused) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

func TestAMissingPermissionFailsAtOnce(t *testing.T) {
	t.Parallel()
	host := redistest.Start(t)
	if err := host.Client(t).Do(t.Context(), "ACL", "SETUSER", "guest", "on", ">hunter2", "+ping").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := redisd.Ensure(t.Context(), redisd.Config{URL: "redis://guest:hunter2@" + host.Addr}, func(string) {})
	if !errors.Is(err, redisd.ErrRefused) || !strings.Contains(err.Error(), "NOPERM") {
		t.Error(err)
	}
}

func TestABadAddressIsNotQuoted(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://:hun/ter2@host", "redis://:hun#ter2@host:1/x", "redis://:hun%ter2@host", "http://u:hunter2@host",
		"redis://host/hunter2", "redis://host?hunter2=1", "redis://host:hunter2", "redis://:12#hunter2@host", "redis://hunter2@host",
		"redis://hunter2@host?master_name=mine", "redis://host?master_name=mine&username=hunter2",
	} {
		_, err := redisd.Ensure(t.Context(), redisd.Config{URL: url}, func(string) {})
		if err == nil || strings.Contains(err.Error(), "hun") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAMissingPasswordFileIsNotQuoted(t *testing.T) {
	t.Parallel()
	_, err := redisd.Ensure(t.Context(), redisd.Config{URL: "redis://host", PasswordFile: "hunter2"}, func(string) {})
	if !errors.Is(err, redisd.ErrSettings) || !strings.HasSuffix(err.Error(), "password file: no such file or directory") {
		t.Error(err)
	}
}

func TestAnOptionThatNoAddressHasIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://host?foo=bar", "redis://host?db=1&foo", "unix:///socket?foo=bar", "redis://host?addr=other:1&foo=bar",
		"redis://host?master_name=mine&foo=bar", "redis://host?skip_verify=true",
	} {
		_, err := redisd.Ensure(t.Context(), redisd.Config{URL: url}, func(string) {})
		if !errors.Is(err, redisd.ErrSettings) || !strings.Contains(err.Error(), "the address has an unknown option") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAServerThatDoesNotSpeakTLSIsRefused(t *testing.T) {
	t.Parallel()
	host := redistest.Start(t)
	for name, addr := range map[string]string{"a Redis": host.Addr, "a server that answers at once": greeter(t)} {
		_, err := redisd.Ensure(t.Context(), redisd.Config{URL: "rediss://:word@" + addr}, func(string) {})
		if !errors.Is(err, redisd.ErrRefused) || !strings.Contains(err.Error(), "the server doesn't speak TLS there") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// listener is a server that serves each client in a goroutine of its own.
func listener(t *testing.T, serve func(net.Conn)) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// greeter is a server that greets each client.
func greeter(t *testing.T) (addr string) {
	return listener(t, func(conn net.Conn) {
		fmt.Fprint(conn, "220 hello\r\n")
		t.Cleanup(func() { conn.Close() })
	})
}

func TestAnOldGivenServerIsRefused(t *testing.T) {
	t.Parallel()
	for info, want := range map[string]string{
		"redis_version:6.2.14":                        "needs Redis 7.0 or newer, found 6.2.14",
		"redis_version:7.0.0":                         "",
		"redis_version:7.2.4\r\nvalkey_version:8.1.0": "",
		"hello:world":                                 "can't read the version",
	} {
		s, err := redisd.Ensure(t.Context(), redisd.Config{URL: "redis://" + pretend(t, info)}, func(string) {})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", info, err)
		case want == "" && strings.Contains(info, "valkey") && s.Version != "valkey 8.1.0":
			t.Errorf("%s: %s", info, s.Version)
		case want != "" && (!errors.Is(err, redisd.ErrRefused) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", info, err)
		}
	}
}

// pretend is a server that answers PING and INFO, and refuses the rest.
func pretend(t *testing.T, info string) (addr string) {
	return listener(t, func(conn net.Conn) {
		defer conn.Close()
		in := bufio.NewScanner(conn)
		for in.Scan() {
			if !strings.HasPrefix(in.Text(), "*") {
				continue // an argument
			}
			in.Scan() // the command's length
			in.Scan()
			switch strings.ToLower(in.Text()) {
			case "ping":
				fmt.Fprint(conn, "+PONG\r\n")
			case "info":
				fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
			case "hello":
				fmt.Fprint(conn, "-ERR unknown command\r\n")
			case "client":
				fmt.Fprint(conn, "+OK\r\n")
			}
		}
	})
}

func TestReadyWaitsWhileTheServerLoads(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := s.Client(t)
	pipe := c.Pipeline()
	for i := range 5000 {
		pipe.Set(t.Context(), "key "+itoa(i), i, 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Checkpoint(t)
	s.Kill(t)
	port := itoa(freePort(t))
	serve(t, "--port", port, "--dir", s.DataDir, "--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024")
	slow := client(t, redisd.Endpoint{URL: "redis://127.0.0.1:" + port})
	eventually(t, "it is loading", func() bool {
		err := slow.Ping(t.Context()).Err()
		return err == nil || strings.HasPrefix(err.Error(), "LOADING")
	})
	if err := redisd.Ready(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	if n := slow.DBSize(t.Context()).Val(); n != 5000 {
		t.Errorf("ready with %d of 5000 keys", n)
	}
}

func TestAUnixSocketIsGiven(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "redisd") // because a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	serve(t, "--port", "0", "--unixsocket", path)
	s := ensure(t, redisd.Config{URL: "unix://" + path})
	if s.Addr != path {
		t.Errorf("address %q", s.Addr)
	}
}

func TestTLSIsGivenByFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, cert, key := redistest.Certificates(t, dir)
	port := itoa(freePort(t))
	serve(t, "--port", "0", "--tls-port", port, "--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key)

	c := redisd.Config{URL: "rediss://127.0.0.1:" + port, CAFile: ca, CertFile: cert, KeyFile: key}
	s := ensure(t, c)
	if err := client(t, s.Endpoint()).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	withoutCA, withoutCert, plain := c, c, c
	withoutCA.CAFile = ""
	withoutCert.CertFile, withoutCert.KeyFile = "", ""
	plain.URL = "redis://127.0.0.1:" + port
	for name, c := range map[string]redisd.Config{"without a CA": withoutCA, "without a certificate": withoutCert} {
		if _, err := redisd.Ensure(t.Context(), c, func(string) {}); !errors.Is(err, redisd.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := redisd.Ensure(t.Context(), plain, func(string) {}); err == nil || !strings.Contains(err.Error(), "rediss://") {
		t.Errorf("certificates for a plain connection: %v", err)
	}
}
