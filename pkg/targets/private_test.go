package targets_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestNobodyElseCanReadAnythingInTheStateFolder(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.set("WORDCOUNT_CHECKPOINT", "100ms")
	f.set("WORDCOUNT_FAULTS", "crash@mid-count:1,slow=20ms:1")
	f.exits(0, "run", "verify")
	f.stateIsPrivate("redis/dump.rdb", "redis/checkpoints/*.rdb", "redis/redis.log", "redis/users/*.rules", "jobs/*/workers.log")
	f.exits(0, "redis:stop")
	f.stateIsPrivate("redis/dump.rdb")
}

// stateIsPrivate looks at every file in the state folder; some must be there.
func (f *folder) stateIsPrivate(there ...string) {
	f.Helper()
	check.Must(f, filepath.WalkDir(f.state(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			f.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
	for _, pattern := range there {
		if found, _ := filepath.Glob(filepath.Join(f.state(), pattern)); len(found) == 0 {
			f.Errorf("there is no %s", pattern)
		}
	}
}
