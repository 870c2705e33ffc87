package deploy

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// ErrNoProgram reports that there is no static program, and none can be compiled.
var ErrNoProgram = errors.New("deploy: an image needs a static program")

// Program returns the path of a static Linux program that has the targets of this one. This program
// itself will do if it is one. Otherwise Mage compiles the magefile of the working folder. remove
// removes what was compiled.
func Program(ctx context.Context) (path string, remove func(), err error) {
	const self = "/proc/self/exe" // also if the file was rebuilt or removed since
	if isStatic(self) {
		return self, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "deploy-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "program")
	if err := compile(ctx, path); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// isStatic reports whether a file is a Linux program for this processor that needs no other file.
func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	loader := slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	return runtime.GOOS == "linux" && f.Type == elf.ET_EXEC && !loader
}

// compile lets Mage compile the magefile of the working folder.
func compile(ctx context.Context, path string) error {
	mage, err := mage(ctx)
	if err != nil {
		return err
	}
	args := append(mage[1:], "-compile", path, "-goos", "linux", "-goarch", runtime.GOARCH, "-ldflags", "-s -w")
	cmd := exec.CommandContext(ctx, mage[0], args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		why, _, _ := strings.Cut(string(bytes.TrimSpace(out)), "\n")
		return fmt.Errorf("%w: %s in this folder: %w: %s", ErrNoProgram, strings.Join(mage, " "), err, why)
	case !isStatic(path) && runtime.GOOS == "linux":
		return fmt.Errorf("%w: what %s has compiled needs other files", ErrNoProgram, strings.Join(mage, " "))
	}
	return nil
}

// mage returns the command that runs Mage: that of the module, or else the installed one.
func mage(ctx context.Context) ([]string, error) {
	if exec.CommandContext(ctx, "go", "tool", "-n", "mage").Run() == nil {
		return []string{"go", "tool", "mage"}, nil
	}
	if _, err := exec.LookPath("mage"); err == nil {
		return []string{"mage"}, nil
	}
	return nil, fmt.Errorf("%w: Mage is neither a tool of the module in this folder nor installed", ErrNoProgram)
}
