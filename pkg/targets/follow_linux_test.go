package targets_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// replaced kills Redis under a run that is held up, and has it started again only after something was done.
func (p *process) replaced(meanwhile func()) {
	p.Helper()
	before := p.status().Redis
	p.signal(syscall.SIGSTOP) // it would be faster
	check.Must(p, syscall.Kill(before.PID, syscall.SIGKILL))
	p.gone(before.PID)
	meanwhile()
	p.signal(syscall.SIGCONT)
	p.says("! redis is back: ")
}

func TestFault59ARunWhoseServersPortIsTakenTellsNobodyAPasswordAndGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	p := f.heldUp()
	var squatter *redistest.Squatter
	p.replaced(func() { squatter = redistest.Squat(t, "tcp", f.server.Addr) })
	contains(t, p.err.String(), f.server.Addr+" is taken by process ")
	p.letGo()
	p.exits(0)
	if said, _ := squatter.Heard(); said != "" {
		t.Errorf("somebody else was told %q", said)
	}
	f.exact()
}

func TestFault60ARunFollowsItsServerToAnotherPort(t *testing.T) {
	for name, reducers := range map[string]string{"map and reduce": "3", "map only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(30)
			f.set("WORDCOUNT_REDUCERS", reducers)
			p := f.heldUp()
			team := p.team()
			p.replaced(func() {
				l, err := net.Listen("tcp", f.server.Addr)
				check.Must(t, err)
				t.Cleanup(func() { l.Close() })
			})
			p.team(syscall.SIGCONT)
			r := p.exits(0)
			if now := f.status().Redis; now.Addr == f.server.Addr {
				t.Errorf("redis is still at %s", now.Addr)
			}
			for _, pid := range team {
				lacks(t, r.err, fmt.Sprintf("! worker %d ", pid)) // none of them died of it
			}
			f.exact()
		})
	}
}

func TestFault60ARunFollowsItsServerToAnotherSocket(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	f.dir = filepath.Join(f.dir, strings.Repeat("long ", 20)) // too long for a socket's path
	check.Must(t, os.Mkdir(f.dir, 0o755))
	f.has(redistest.StartOnSocket(t, f.state()))
	if filepath.Dir(f.server.Addr) == f.server.DataDir {
		t.Fatalf("the socket %s is in the folder itself", f.server.Addr)
	}
	f.slowTexts(30)
	p := f.heldUp()
	p.replaced(func() { check.Must(t, os.RemoveAll(filepath.Dir(f.server.Addr))) })
	p.team(syscall.SIGCONT)
	p.exits(0)
	now := f.status().Redis
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(now.Addr)) })
	if now.Addr == f.server.Addr || !strings.HasPrefix(now.Addr, "/") {
		t.Errorf("redis was at %s and is at %s", f.server.Addr, now.Addr)
	}
	f.exact()
}

func TestFault61AStateFolderThatMayBeSomebodyElsesExits4InOneLine(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	f.texts(1)
	f.set("WORDCOUNT_REDIS_KIND", "process")
	jobs := filepath.Join(f.state(), "jobs")
	check.Must(t, os.MkdirAll(jobs, 0o700))
	check.Must(t, os.Chmod(jobs, 0o777))
	outside := filepath.Join(f.dir, "outside")
	check.Must(t, os.Mkdir(outside, 0o755))
	for _, target := range []string{"run", "redis:start", "status", "top", "verify", "export", "clean", "redis:stop", "workers:join"} {
		for _, given := range []string{"", "redis://127.0.0.1:1"} {
			f.set("REDIS_URL", given)
			r := f.exits(4, target)
			contains(t, r.err, `.wordcount/jobs" is open to others: remove it, or`)
			if strings.Count(r.err, "\n") != 1 || r.out != "" {
				t.Errorf("%s prints %s", target, r)
			}
		}
	}
	check.Must(t, os.Remove(jobs))
	check.Must(t, os.Symlink(outside, jobs))
	contains(t, f.exits(4, "run").err, `.wordcount/jobs" is neither a file nor a folder: remove it`)
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside of it there is %v (%v)", left, err)
	}
}
