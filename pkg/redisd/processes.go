package redisd

import "strings"

// process is a live process that carries a server's name.
type process struct {
	pid, group int
}

// ours tells by its command line whether a process is a server, or a child of
// one, that bears name. Anybody may mention the name, as a pager reading our
// log does; only redis puts it last, behind a title of its own.
func ours(command, name string) bool {
	command = strings.TrimRight(strings.ReplaceAll(command, "\x00", " "), " ")
	if !strings.HasSuffix(command, " "+name) {
		return false
	}
	for _, title := range []string{
		"redis-server", "redis-rdb-", "redis-aof-",
		"valkey-server", "valkey-rdb-", "valkey-aof-",
	} {
		if strings.Contains(command, title) {
			return true
		}
	}
	return false
}
