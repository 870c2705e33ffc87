package endpoint

import (
	"strings"
	"testing"
)

func TestTheCommandOfEachEndpointReachesItAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		endpoint Endpoint
		want     string
	}{
		{Endpoint{URL: "redis://"}, "redis-cli -h localhost -p 6379"},
		{Endpoint{URL: "redis://host:1/"}, "redis-cli -h host -p 1"},
		{Endpoint{URL: "redis://[::1]:1/2"}, "redis-cli -h ::1 -p 1 -n 2"},
		{Endpoint{URL: "redis://host?db=3"}, "redis-cli -h host -p 6379 -n 3"},
		{Endpoint{URL: "redis://:hunter2@host"}, "redis-cli -h host -p 6379 --askpass"},
		{Endpoint{URL: "redis://me:hunter2@host"}, "redis-cli -h host -p 6379 --user me --askpass"},
		{Endpoint{URL: "redis://it%27s%20me:hunter2@host"}, `redis-cli -h host -p 6379 --user 'it'\''s me' --askpass`},
		{Endpoint{URL: "redis://me@host", PasswordFile: "/a folder/password"},
			`REDISCLI_AUTH="$(cat '/a folder/password')" redis-cli -h host -p 6379 --user me`},
		{Endpoint{URL: "redis://:hunter2@host", PasswordFile: "/password"}, // the file wins
			`REDISCLI_AUTH="$(cat /password)" redis-cli -h host -p 6379`},
		{Endpoint{URL: "unix:///run/redis.sock?db=1"}, "redis-cli -s /run/redis.sock -n 1"},
		{Endpoint{URL: "unix://me:hunter2@/run/redis.sock"}, "redis-cli -s /run/redis.sock --user me --askpass"},
		{Endpoint{URL: "rediss://host"}, "redis-cli -h host -p 6379 --tls"},
		{Endpoint{URL: "rediss://host?skip_verify=true"}, "redis-cli -h host -p 6379 --tls --insecure"},
		{Endpoint{URL: "rediss://me:hunter2@host/4", CAFile: "/ca.pem", CertFile: "/cert.pem", KeyFile: "/key.pem"},
			"redis-cli -h host -p 6379 -n 4 --tls --cacert /ca.pem --cert /cert.pem --key /key.pem --user me --askpass"},
		{Endpoint{URL: "rediss://host", PasswordFile: "/password", CAFile: "/ca.pem"},
			`REDISCLI_AUTH="$(cat /password)" redis-cli -h host -p 6379 --tls --cacert /ca.pem`},
		{Endpoint{URL: "redis://:hunter2@host:1?addr=other:2"}, "redis-cli -h host -p 1 -c --askpass"},
		{Endpoint{URL: "redis://host:26379/5?master_name=mine&username=me&password=hunter2"},
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
