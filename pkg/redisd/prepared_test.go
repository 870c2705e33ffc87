package redisd_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestFault61ARecordThatSomebodyPreparedRunsNothing(t *testing.T) {
	ours := redistest.Start(t)
	ran := filepath.Join(t.TempDir(), "ran")
	evil := filepath.Join(t.TempDir(), "redis-server")
	redistest.WriteExecutable(t, evil, []byte("#!/bin/sh\necho $0 >>'"+ran+"'\n"))
	onPath(t, "docker", "exit 1")
	onPath(t, "podman", "exit 1")
	for _, kind := range []redisd.Kind{ours.Kind, redisd.Container} {
		s := redistest.Start(t)
		s.Kill(t)
		editRecord(t, s.DataDir, func(r map[string]any) {
			r["kind"] = kind
			for _, field := range []string{"program", "engine", "Program", "Engine"} {
				r[field] = evil
			}
			r["libs"], r["image"], r["container"] = filepath.Dir(evil), evil, "somebody-elses"
		})
		again, err := redisd.Ensure(t.Context(), config(s), func(string) {})
		if (err == nil) != (kind == ours.Kind) { // no engine answers
			t.Errorf("a %s: %v", kind, err)
		}
		if err == nil {
			must(t, again.Stop(t.Context()))
		}
		if opened, err := redisd.Open(config(s)); err == nil {
			opened.Kill(t.Context()) // a container can't be killed: no engine answers
			opened.Stop(t.Context())
		}
		if what, err := os.ReadFile(ran); err == nil {
			t.Errorf("%s: ran %s", kind, what)
		}
		os.Remove(filepath.Join(s.DataDir, "server.json")) // else the clean-up looks for the container
	}
}

func TestFault61AUserThatSomebodyPreparedHasNoMoreRightsThanRulesGive(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill(t)
	users := filepath.Join(s.DataDir, "users")
	must(t, os.MkdirAll(users, 0o700))
	must(t, os.WriteFile(filepath.Join(users, "evil.conf"), []byte("user evil on nopass ~* +@all\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(users, "known.rules"), []byte("~* +get +ping +client\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(users, "known.password"), []byte("known to somebody else"), 0o600))
	s.Start(t)
	for _, user := range []string{"evil:any", "known:known to somebody else"} {
		name, password, _ := strings.Cut(user, ":")
		if err := s.Client(t).Do(t.Context(), "AUTH", name, password).Err(); err == nil {
			t.Errorf("%s is let in", name)
		}
	}
	s.Kill(t)
	for _, rules := range []string{"nopass", ">word", "+@all\nloadmodule /tmp/evil.so", "~* +get \"x\"", "#" + strings.Repeat("0", 64)} {
		must(t, os.WriteFile(filepath.Join(users, "evil.rules"), []byte(rules), 0o600))
		if err := s.Server.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "is no rule of user evil: remove ") {
			t.Errorf("%q: %v", rules, err)
		}
	}
}

func TestFault61AFolderThatMayBeSomebodyElsesIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, dir, outside string) (path string){
		"its log is a link": func(t *testing.T, dir, outside string) string {
			return link(t, outside, filepath.Join(dir, "redis", "redis.log"))
		},
		"its log is a file elsewhere, too": func(t *testing.T, dir, outside string) string {
			path := filepath.Join(dir, "redis", "redis.log")
			os.Remove(path)
			must(t, os.Link(outside, path))
			return path
		},
		"its checkpoints are a link": func(t *testing.T, dir, outside string) string {
			return link(t, filepath.Dir(outside), filepath.Join(dir, "redis", "checkpoints"))
		},
		"the server's folder is a link": func(t *testing.T, dir, outside string) string {
			return link(t, filepath.Dir(outside), filepath.Join(dir, "redis"))
		},
		"it is a link": func(t *testing.T, dir, outside string) string { return link(t, filepath.Dir(outside), dir) },
		"its record is a FIFO": func(t *testing.T, dir, _ string) string {
			path := filepath.Join(dir, "redis", "server.json")
			os.Remove(path)
			must(t, syscall.Mkfifo(path, 0o600))
			return path
		},
		"others can write to it":       func(t *testing.T, dir, _ string) string { return open(t, dir) },
		"others can write to a part":   func(t *testing.T, dir, _ string) string { return open(t, filepath.Join(dir, "redis")) },
		"others can write to some job": func(t *testing.T, dir, _ string) string { return open(t, filepath.Join(dir, "jobs")) },
		"it is another user's": func(t *testing.T, dir, _ string) string {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			must(t, os.Chown(dir, 65534, 65534))
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir, outside := filepath.Join(top, "state"), filepath.Join(top, "outside", "precious.rdb")
			must(t, os.Mkdir(filepath.Dir(outside), 0o700))
			must(t, os.WriteFile(outside, []byte("precious"), 0o644))
			must(t, os.MkdirAll(filepath.Join(dir, "redis"), 0o700))
			must(t, os.Mkdir(filepath.Join(dir, "jobs"), 0o700))
			path := prepare(t, dir, outside)
			c := redisd.Config{Dir: dir, Kind: redistest.Start(t).Kind, Port: freePort(t)}
			s, err := redisd.Ensure(t.Context(), c, func(string) {})
			if err == nil {
				err = errors.Join(s.Kill(t.Context()), errors.New("a server was started"))
			}
			if !errors.Is(err, redisd.ErrFolder) || !strings.Contains(err.Error(), strconv.Quote(path)) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Ensure: %v", err)
			}
			if _, err := redisd.Open(c); !errors.Is(err, redisd.ErrFolder) {
				t.Errorf("Open: %v", err)
			}
			info, err := os.Stat(outside)
			must(t, err)
			if info.Size() != int64(len("precious")) || info.Mode().Perm() != 0o644 {
				t.Errorf("what lies outside is %v now", info)
			}
			left, err := os.ReadDir(filepath.Dir(outside))
			must(t, err)
			if len(left) != 1 {
				t.Errorf("outside of it there is %v now", left)
			}
		})
	}
}

// link replaces path by a link to target.
func link(t *testing.T, target, path string) string {
	t.Helper()
	must(t, os.RemoveAll(path))
	must(t, os.Symlink(target, path))
	return path
}

// open lets everybody write to a folder.
func open(t *testing.T, dir string) string {
	t.Helper()
	must(t, os.Chmod(dir, 0o777))
	return dir
}

func TestFault61AnotherUsersProcessWithOurServersTitleIsNeitherKilledNorInTheWay(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	s := redistest.Start(t)
	title, err := exec.Command("ps", "-o", "command=", "-p", itoa(s.Pid)).Output()
	must(t, err)
	// A shell that runs a script gets the same title as the server, if the script has the name of the
	// title's second word.
	words := strings.Fields(string(title))
	dir, err := os.MkdirTemp("", "stranger")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, words[1]), []byte("read forever\n"), 0o644))
	stranger := &exec.Cmd{Path: "/bin/sh", Args: words, Dir: dir}
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Setpgid: true}
	hold, err := stranger.StdinPipe()
	must(t, err)
	must(t, stranger.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stranger.Wait()
	}()
	t.Cleanup(func() {
		hold.Close()
		<-ended
	})
	eventually(t, "the stranger has its title", func() bool {
		out, _ := exec.Command("ps", "-o", "command=", "-p", itoa(stranger.Process.Pid)).Output()
		return strings.Join(strings.Fields(string(out)), " ") == strings.Join(words, " ")
	})
	s.Kill(t)
	editRecord(t, s.DataDir, func(r map[string]any) { r["pid"] = stranger.Process.Pid })
	s.Kill(t)
	if err := s.Freeze(t.Context()); err == nil {
		t.Error("it was stopped")
	}
	if again := ensure(t, config(s)); again.Pid == stranger.Process.Pid {
		t.Error("it was taken for the server")
	}
	select {
	case <-ended:
		t.Error("it was killed")
	default:
	}
}

func TestARecordSaysNothingButData(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	for field, value := range map[string]any{
		"kind": "given", "version": "redis 7.0.15\x1b[2J", "pid": -1, "addr": "198.51.100.1:6379",
	} {
		path := filepath.Join(s.DataDir, "server.json")
		sound, err := os.ReadFile(path)
		must(t, err)
		editRecord(t, s.DataDir, func(r map[string]any) { r[field] = value })
		if _, err := redisd.Open(config(s)); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s %v: %v", field, value, err)
		}
		must(t, os.WriteFile(path, sound, 0o600))
	}
	editRecord(t, s.DataDir, func(r map[string]any) { r["addr"] = "/run/somebody-elses/redis.sock" })
	opened, err := redisd.Open(config(s))
	must(t, err)
	if want := fmt.Sprint(s.DataDir, "/redis.sock"); opened.Addr != want {
		t.Errorf("its socket is %s, want %s", opened.Addr, want)
	}
	editRecord(t, s.DataDir, func(r map[string]any) { r["addr"] = s.Addr })
}
