package redisd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// prepareProcess finds a server program on PATH.
func (s *Server) prepareProcess(ctx context.Context, _ func(string)) error {
	return s.chooseProgram(ctx, nil)
}

// chooseProgram takes the first server program on PATH, of either name, that is
// new enough and none of those that were tried in vain.
func (s *Server) chooseProgram(ctx context.Context, tried []string) error {
	var problems []string
	for _, path := range programsOnPATH() {
		if slices.Contains(tried, path) {
			continue
		}
		v, err := programVersion(ctx, path, "")
		if err == nil {
			err = v.check()
		}
		if err == nil {
			s.Program = path
			return nil
		}
		problems = append(problems, fmt.Sprintf("%s: %s", path, plain(err)))
	}
	if problems == nil {
		return fmt.Errorf("%w: neither redis-server nor valkey-server is on PATH", ErrUnavailable)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(problems, ", "))
}

// programsOnPATH lists the server programs on PATH, in its order, each once:
// /bin is often a link to /usr/bin.
func programsOnPATH() []string {
	var paths, files []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		for _, name := range serverPackages {
			path, err := exec.LookPath(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(path) {
				continue
			}
			file, err := filepath.EvalSymlinks(path)
			if err == nil && !slices.Contains(files, file) {
				paths, files = append(paths, path), append(files, file)
			}
		}
	}
	return paths
}

// startProcess starts the server in a session of its own: no terminal's
// Ctrl-C reaches it, and it outlives us.
func (s *Server) startProcess(ctx context.Context) (ending, error) {
	if err := s.findProgram(ctx); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.DataDir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	defer log.Close()

	// As standard input, for redis reads a path with *, ? or [ in it as a
	// pattern, and if nothing matches starts with no configuration at all.
	conf, err := os.Open(filepath.Join(s.DataDir, confFile))
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	defer conf.Close()

	// The title template is an argument, so that the process carries the name
	// from its first moment on; its children inherit it. The shell is there for
	// its umask alone: redis writes its dumps for everybody to read.
	cmd := exec.Command("/bin/sh", "-c", `umask 077; exec "$0" "$@"`, s.Program, "-", "--proc-title-template", host.TitleTemplate(s.Name))
	cmd.Dir = s.DataDir
	cmd.Env = environ(s.Libs)
	cmd.Stdin = conf
	cmd.Stdout, cmd.Stderr = log, log // what is said before the log is open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("redisd: start the server: %w", err)
	}
	s.Pid, s.Started = cmd.Process.Pid, time.Now()

	// Reaps it whenever it ends, since a zombie would still be in the process
	// table. This goroutine may outlive its caller: the server does.
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			ended <- errKilled
			return
		}
		ended <- errEnded
	}()
	return func(ctx context.Context) error {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		}
	}, s.save()
}

// findProgram finds the program that serves a server of this kind, if this
// process hasn't yet, or if it went away with an upgrade or a cleaned cache.
func (s *Server) findProgram(ctx context.Context) error {
	if s.Program != "" {
		if _, err := os.Stat(s.Program); err == nil {
			return nil
		}
	}
	if s.Kind == Provisioned {
		return s.prepareProvisioned(ctx, func(string) {})
	}
	return s.prepareProcess(ctx, nil)
}

// processRunning reports whether the recorded process lives.
func (s *Server) processRunning() (bool, error) { return host.Running(s.Name, s.Pid) }

// processEnded is the ending of a process that may not be our child.
func (s *Server) processEnded(ctx context.Context) error {
	for {
		running, err := s.processRunning()
		if err == nil && !running {
			return errEnded
		}
		if host.Sleep(ctx, 5*host.PollEvery) != nil {
			return nil
		}
	}
}

// environ is ours, with a library path for this one child.
func environ(libs string) []string {
	if libs == "" {
		return nil
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+libs)
}
