package targets_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestWorkersAreConnectedAsAUserOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	p := f.begun()
	names := f.workers()
	clients, err := f.rdb.ClientList(t.Context()).Result()
	check.Must(t, err)
	users := map[string]string{}
	for line := range strings.Lines(clients) {
		fields := map[string]string{}
		for field := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		users[fields["name"]] = fields["user"]
	}
	for _, name := range names {
		if users[name] != "worker-"+f.job().ID {
			t.Errorf("worker %s is connected as %q", name, users[name])
		}
	}
	if users["wordcount"] != "default" {
		t.Errorf("the supervisor is connected as %q", users["wordcount"])
	}
	p.exits(0)
}

func TestNoProcessOfAJobHasAPasswordInItsArguments(t *testing.T) {
	for name, given := range map[string]bool{"a server of ours": false, "a given server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			secrets := []string{secret(t, f.server.Given().PasswordFile)}
			server := f.server.Pid
			if given {
				f = f.guest()
				f.use("redis://:"+secrets[0]+"@"+f.server.Addr, "") // where most people have it
			}
			f.slowTexts(30)
			f.live()
			p := f.begun()
			f.workers()
			users, err := filepath.Glob(filepath.Join(f.state(), "redis", "users", "*.password"))
			check.Must(t, err)
			for _, file := range users {
				secrets = append(secrets, secret(t, file))
			}
			if !given && len(secrets) != 2 {
				t.Errorf("%d passwords; the workers have one of their own", len(secrets))
			}
			seen := map[int]bool{}
			files, err := filepath.Glob("/proc/[0-9]*/cmdline")
			check.Must(t, err)
			for _, file := range files {
				command, _ := os.ReadFile(file) // it may have ended
				pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				check.Must(t, err)
				seen[pid] = len(command) > 0
				for _, secret := range secrets {
					if bytes.Contains(command, []byte(secret)) {
						t.Errorf("a password is in the arguments of process %d: %q", pid, command)
					}
				}
			}
			for _, pid := range append(p.team(), server, p.cmd.Process.Pid) {
				if !seen[pid] {
					t.Errorf("the arguments of process %d were not looked at", pid)
				}
			}
			p.exits(0)
		})
	}
}
