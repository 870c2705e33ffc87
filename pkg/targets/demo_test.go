package targets_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheDemoStrikesRedisAndAWorkerEachTimeAnew(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	f.set("WORDCOUNT_REDIS_KIND", "process")
	for range 2 {
		r := f.exits(0, "demo")
		for _, line := range []string{"counting 64 MiB in 16 files: 64 tasks, 2 workers", "killed redis, with ", "killed worker ", "sealed: ", "exact: "} {
			contains(t, r.out, line)
		}
		if lines(r.out) != 5 {
			t.Errorf("it says more than that: %v", r)
		}
		lacks(t, r.err, "redis:start") // how far it is, and no more
		f.demoIsGone()
	}
}

func TestADemoThatIsInterruptedLeavesNoServer(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	p := f.start("demo")
	p.says("counting ")
	p.signal(os.Interrupt)
	p.exits(130)
	f.demoIsGone() // and allGone looks for processes
}

func (f *folder) demoIsGone() {
	f.Helper()
	if left, err := filepath.Glob(filepath.Join(f.state(), "demo", "*")); err != nil || len(left) > 0 {
		f.Errorf("left are %v, %v", left, err)
	}
}
