package redisd_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestAStartedServerListensOnTheLoopbackAlone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if got := listening(t, s.Pid); got != "0100007F" {
		t.Errorf("it listens on %q, want 127.0.0.1 alone", got)
	}
}

// listening returns the addresses on which a process listens, in the kernel's hexadecimal.
func listening(t *testing.T, pid int) string {
	t.Helper()
	sockets := map[string]bool{}
	dir := "/proc/" + itoa(pid) + "/fd/"
	fds, err := os.ReadDir(dir)
	must(t, err)
	for _, fd := range fds {
		target, _ := os.Readlink(dir + fd.Name()) // the file may be closed by now
		sockets[target] = true
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile("/proc/net/" + table) // not every system has both
		for line := range strings.Lines(string(text)) {
			// number: address:port remote:port state …, the inode is the tenth
			f := strings.Fields(line)
			const listens = "0A"
			if len(f) > 9 && f[3] == listens && sockets["socket:["+f[9]+"]"] {
				address, _, _ := strings.Cut(f[1], ":")
				found = append(found, address)
			}
		}
	}
	return strings.Join(found, " ")
}

func TestAContainersPortIsPublishedOnTheLoopbackAlone(t *testing.T) {
	engine := redistest.Engine(t)
	c := redisd.Config{Dir: t.TempDir(), Port: freePort(t), Kind: redisd.Container, Image: redistest.Start(t).Image(t, engine)}
	killAtEnd(t, c)
	s := ensure(t, c)
	published, err := exec.Command(engine, "port", s.Name).Output()
	must(t, err)
	if want := "6379/tcp -> " + s.Addr + "\n"; string(published) != want || !strings.HasPrefix(s.Addr, "127.0.0.1:") {
		t.Errorf("published: %q, want %q", published, want)
	}
}
