package targets_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault38FullDiskLeavesTheOldExport(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.exits(0, "run")
	disk := redistest.SmallDisk(t)
	path := filepath.Join(disk, "counts.tsv")
	check.Must(t, os.WriteFile(path, []byte("old"), 0o600))
	filler := redistest.Fill(t, disk)
	p := f.start("export", "-out="+path)
	<-p.ended
	check.Must(t, os.Remove(filler))
	f.keepsOld(path, p)
	contains(t, p.err.String(), "no space left on device")
	f.exits(0, "export", "-out="+path)
}
