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

func TestTheCommandOfEachEndpointReachesItAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		endpoint redisd.Endpoint
		want     string
	}{
		{redisd.Endpoint{URL: "redis://"}, "redis-cli -h localhost -p 6379"},
		{redisd.Endpoint{URL: "redis://host:1/"}, "redis-cli -h host -p 1"},
		{redisd.Endpoint{URL: "redis://[::1]:1/2"}, "redis-cli -h ::1 -p 1 -n 2"},
		{redisd.Endpoint{URL: "redis://host?db=3"}, "redis-cli -h host -p 6379 -n 3"},
		{redisd.Endpoint{URL: "redis://:hunter2@host"}, "redis-cli -h host -p 6379 --askpass"},
		{redisd.Endpoint{URL: "redis://me:hunter2@host"}, "redis-cli -h host -p 6379 --user me --askpass"},
		{redisd.Endpoint{URL: "redis://it%27s%20me:hunter2@host"}, `redis-cli -h host -p 6379 --user 'it'\''s me' --askpass`},
		{redisd.Endpoint{URL: "redis://me@host", PasswordFile: "/a folder/password"},
			`REDISCLI_AUTH="$(cat '/a folder/password')" redis-cli -h host -p 6379 --user me`},
		{redisd.Endpoint{URL: "redis://:hunter2@host", PasswordFile: "/password"}, // the file wins
			`REDISCLI_AUTH="$(cat /password)" redis-cli -h host -p 6379`},
		{redisd.Endpoint{URL: "unix:///run/redis.sock?db=1"}, "redis-cli -s /run/redis.sock -n 1"},
		{redisd.Endpoint{URL: "unix://me:hunter2@/run/redis.sock"}, "redis-cli -s /run/redis.sock --user me --askpass"},
		{redisd.Endpoint{URL: "rediss://host"}, "redis-cli -h host -p 6379 --tls"},
		{redisd.Endpoint{URL: "rediss://host?skip_verify=true"}, "redis-cli -h host -p 6379 --tls --insecure"},
		{redisd.Endpoint{URL: "rediss://me:hunter2@host/4", CAFile: "/ca.pem", CertFile: "/cert.pem", KeyFile: "/key.pem"},
			"redis-cli -h host -p 6379 -n 4 --tls --cacert /ca.pem --cert /cert.pem --key /key.pem --user me --askpass"},
		{redisd.Endpoint{URL: "rediss://host", PasswordFile: "/password", CAFile: "/ca.pem"},
			`REDISCLI_AUTH="$(cat /password)" redis-cli -h host -p 6379 --tls --cacert /ca.pem`},
		{redisd.Endpoint{URL: "redis://:hunter2@host:1?addr=other:2"}, "redis-cli -h host -p 1 -c --askpass"},
		{redisd.Endpoint{URL: "redis://host:26379/5?master_name=mine&username=me&password=hunter2"},
			"redis-cli $(redis-cli -h host -p 26379 sentinel get-master-addr-by-name mine | sed '1s/^/-h /; 2s/^/-p /') -n 5 --user me --askpass"},
	} {
		got, err := c.endpoint.CLI()
		if err != nil || strings.TrimSpace(got) != c.want {
			t.Errorf("%s: %v\n%s, want\n%s", c.endpoint.URL, err, got, c.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("the secret is in %s", got)
		}
	}
}

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
	for _, e := range []redisd.Endpoint{
		host.Endpoint(),
		{URL: "redis://guest@" + host.Addr, PasswordFile: file},
		{URL: "redis://guest:sesame@" + host.Addr},
		{URL: "rediss://127.0.0.1:" + port, CAFile: ca, CertFile: cert, KeyFile: key},
	} {
		line, err := e.CLI()
		if err != nil {
			t.Fatal(err)
		}
		sh := exec.Command("sh", "-c", line+" ping")
		sh.Env = []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH")}
		sh.Stdin = strings.NewReader("sesame\n") // for who asks
		out, err := sh.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "PONG") {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}
