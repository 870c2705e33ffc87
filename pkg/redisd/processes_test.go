package redisd

import "testing"

func TestOnlyAServerOfThisNameIsOurs(t *testing.T) {
	for command, want := range map[string]bool{
		"/usr/bin/redis-server wordcount-a\x00\x00":                                      true,
		"/a b/redis-server wordcount-a":                                                  true,
		"/usr/bin/redis-server\x00-\x00--proc-title-template\x00{title} wordcount-a\x00": true,
		"/bin/sh\x00-c\x00umask 077; exec \"$0\" \"$@\"\x00/usr/bin/redis-server\x00-\x00--proc-title-template\x00{title} wordcount-a\x00": true,
		"redis-rdb-bgsave wordcount-a         .": true,
		"valkey-server wordcount-a":              true,
		"":                                       false,
		"/usr/bin/redis-server wordcount-ab":     false,
		"/usr/bin/redis-server wordcount-b":      false,
		"/usr/bin/redis-server":                  false,
		"/usr/bin/redis-server 127.0.0.1:6379 wordcount-a":     false,
		"less\x00redis.log\x00wordcount-a\x00":                 false,
		"grep redis-server wordcount-a":                        false,
		"redis-cli -p 6379 wordcount-a":                        false,
		"docker logs wordcount-a":                              false,
		"vim wordcount-a redis-server":                         false,
		"(redis-server)":                                       false,
		"/usr/bin/redis-server *:6379 [cluster] wordcount-abc": false,
	} {
		if ours(command, "wordcount-a") != want {
			t.Errorf("%q is ours: %v", command, !want)
		}
	}
}
