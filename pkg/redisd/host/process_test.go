package host

import "testing"

func TestOnlyAServersProcessCarriesItsName(t *testing.T) {
	for command, want := range map[string]bool{
		"/usr/bin/redis-server redis-a\x00\x00":                                      true,
		"/a b/redis-server redis-a":                                                  true,
		"/usr/bin/redis-server\x00-\x00--proc-title-template\x00{title} redis-a\x00": true,
		"/bin/sh\x00-c\x00umask 077; exec \"$0\" \"$@\"\x00/usr/bin/redis-server\x00-\x00--proc-title-template\x00{title} redis-a\x00": true,
		"redis-rdb-bgsave redis-a         .": true,
		"valkey-server redis-a":              true,
		"":                                   false,
		"/usr/bin/redis-server redis-ab":     false,
		"/usr/bin/redis-server redis-b":      false,
		"/usr/bin/redis-server":              false,
		"/usr/bin/redis-server 127.0.0.1:6379 redis-a":     false,
		"less\x00redis.log\x00redis-a\x00":                 false,
		"grep redis-server redis-a":                        false,
		"redis-cli -p 6379 redis-a":                        false,
		"docker logs redis-a":                              false,
		"vim redis-a redis-server":                         false,
		"(redis-server)":                                   false,
		"/usr/bin/redis-server *:6379 [cluster] redis-abc": false,
	} {
		if carries(command, "redis-a") != want {
			t.Errorf("%q carries the name: %v", command, !want)
		}
	}
}
