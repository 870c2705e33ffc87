package targets_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// The devices are nodes in the test's own folder, so that nothing else is harmed if export replaces them.
func TestFault67ExportWritesThroughADevice(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for name, minor := range map[string]uint32{"null": 3, "full": 7} {
		err := unix.Mknod(filepath.Join(f.dir, name), unix.S_IFCHR|0o600, int(unix.Mkdev(1, minor)))
		if errors.Is(err, unix.EPERM) {
			t.Skip("only Root may make a device")
		}
		check.Must(t, err)
	}
	f.texts(1)
	f.exits(0, "run")

	f.exits(0, "export", "-out=null")
	f.is("null", fs.ModeDevice|fs.ModeCharDevice)

	p := f.start("export", "-out=full")
	<-p.ended
	if p.cmd.ProcessState.ExitCode() <= 0 {
		t.Error("a full device is no error")
	}
	contains(t, p.err.String(), "no space left")
	f.is("full", fs.ModeDevice|fs.ModeCharDevice)
}
