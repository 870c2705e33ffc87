package gotest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Exec builds the tests of a package, and runs them with these arguments, as go test would, in the
// folder dir of the package. When ctx ends it interrupts them, and waits until they have ended.
//
// go test itself would neither keep their output and their progress apart, nor interrupt them.
func Exec(ctx context.Context, dir string, args ...string) error {
	bin, err := os.MkdirTemp("", "gotest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	program := filepath.Join(bin, filepath.Base(dir)+".test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o="+program, ".")
	build.Dir, build.Stdout, build.Stderr = dir, os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the tests in %s: %w", dir, err)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	// A group of its own gets one interrupt, from here, and none from the terminal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the tests in %s: %w", dir, err)
	}
	return nil
}

// Flag appends a flag of the tests, if a target was given it: nil is its default.
func Flag[T any](args []string, name string, value *T) []string {
	if value == nil {
		return args
	}
	return append(args, fmt.Sprintf("-%s=%v", name, *value))
}
