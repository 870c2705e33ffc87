package redisd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestTheCommandOfAServerAnswers(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Log("there is no redis-cli: what it is called with is tested, and not what it does")
		return
	}
	host := redistest.Start(t)
	if err := host.Client(t).Do(t.Context(), "ACL", "SETUSER", "guest", "on", ">sesame", "+ping").Err(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "the password")
	if err := os.WriteFile(file, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca, cert, key := redistest.Certificates(t, dir)
	port := itoa(freePort(t))
	serve(t, "--port", "0", "--tls-port", port, "--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key)
	secure := redisd.Endpoint{URL: "rediss://127.0.0.1:" + port, CAFile: ca, CertFile: cert, KeyFile: key}
	must(t, redisd.Ready(t.Context(), client(t, secure)))
	for _, e := range []redisd.Endpoint{
		host.Endpoint(),
		{URL: "redis://guest@" + host.Addr, PasswordFile: file},
		{URL: "redis://guest:sesame@" + host.Addr},
		secure,
	} {
		line, err := e.CLI()
		if err != nil {
			t.Fatal(err)
		}
		sh := exec.Command("sh", "-c", line+" ping")
		sh.Env = []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}
		sh.Stdin = strings.NewReader("sesame\n") // for redis-cli, if it asks
		out, err := sh.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "PONG") {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}
