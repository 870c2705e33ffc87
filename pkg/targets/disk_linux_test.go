package targets_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestFault38FullDiskLeavesTheOldExport(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.exits(0, "run")
	disk := redistest.SmallDisk(t)
	path := filepath.Join(disk, "counts.tsv")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	filler := redistest.Fill(t, disk)
	p := f.start("export", "-out="+path)
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code <= 0 || p.out.String() != "" {
		t.Errorf("exit %d\n%s%s", code, &p.out, &p.err)
	}
	contains(t, p.err.String(), "write result: ")
	contains(t, p.err.String(), "no space left on device")
	must(t, os.Remove(filler))
	if text, err := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	f.onlyFile(path)
	f.exits(0, "export", "-out="+path)
}
