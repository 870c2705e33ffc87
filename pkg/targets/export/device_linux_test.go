package export_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/magereduce/magereduce/pkg/targets/export"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// The devices are nodes in the test's own folder, so that nothing else is harmed if export replaces
// them.
func TestFault67ExportWritesThroughADevice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, device := range map[string]struct {
		minor uint32
		want  error
	}{"null": {3, nil}, "full": {7, unix.ENOSPC}} {
		path := filepath.Join(dir, name)
		err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, device.minor)))
		if errors.Is(err, unix.EPERM) {
			t.Skip("only Root may make a device")
		}
		check.Must(t, err)
		if err := export.Write(t.Context(), path, writeCounts); !errors.Is(err, device.want) {
			t.Errorf("%s: %v, want %v", name, err, device.want)
		}
		is(t, path, fs.ModeDevice|fs.ModeCharDevice)
	}
}
