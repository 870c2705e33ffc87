package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// TitleTemplate is the value of a server's option --proc-title-template. The server and its
// children give themselves this title. The option also stands in their arguments, so that they
// carry the name before they have set the title.
func TitleTemplate(name string) string { return "{title} " + name }

// titles matches the command line of a server, or of its child, up to the server's name. On Linux,
// remains of a longer title may follow the name. Any program may mention a name, such as a pager
// that shows the log; that doesn't match.
var titles = regexp.MustCompile(`(?:^|/)(?:redis|valkey)-[\w-]+ (?:- --proc-title-template \{title\} )?(\S+)(?: |$)`)

// carries reports whether a command line is that of a server's process that carries name.
func carries(command, name string) bool {
	m := titles.FindStringSubmatch(strings.ReplaceAll(command, "\x00", " "))
	return m != nil && m[1] == name
}

// Running reports whether pid is a live server process that carries name. A pid that now belongs to
// another program counts as dead, and so does a zombie.
func Running(name string, pid int) (bool, error) {
	all, err := processes(name)
	return slices.Contains(all, pid), err
}

// Kill kills all server processes that carry name, and returns when they are gone. Somebody else
// may have killed pid this very moment: Kill waits for it, too.
func Kill(ctx context.Context, name string, pid int) error {
	killed := []int{pid}
	for {
		all, err := processes(name)
		if err != nil {
			return err
		}
		if len(all) == 0 && !slices.ContainsFunc(killed, dying) {
			return nil
		}
		for _, pid := range all {
			killed = append(killed, pid)
			if err := Signal(name, pid, syscall.SIGKILL); err != nil {
				return fmt.Errorf("redisd: kill the server, pid %d: %w", pid, err)
			}
		}
		if err := Sleep(ctx, PollEvery); err != nil {
			return fmt.Errorf("redisd: waiting for the killed server to be gone: %w", err)
		}
	}
}

// Signal signals the server process pid that carries name, and no other process that was given its
// number meanwhile: it takes a handle first, where the system has handles of processes, and looks
// at the process again once it holds one. A process that has ended is no error.
func Signal(name string, pid int, sig os.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	if running, err := Running(name, pid); err != nil || !running {
		return err
	}
	if err := p.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
