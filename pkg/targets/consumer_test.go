package targets_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// consumer copies the module of testdata/consumer into the folder, with a go.mod that leads to this checkout.
func (f *folder) consumer() {
	f.Helper()
	must(f, os.CopyFS(f.dir, os.DirFS(filepath.Join("testdata", "consumer"))))
	must(f, module(f.dir))
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		path, err := command(f.dir, "go", "env", name)
		must(f, err)
		f.set(name, strings.TrimSpace(path))
	}
	for _, setting := range goEnv(nil) {
		name, value, _ := strings.Cut(setting, "=")
		f.set(name, value)
	}
	f.set("MAGEFILE_CACHE", filepath.Join(f.env["TMPDIR"], "mage"))
}

// mage runs targets as people do who have installed nothing.
func (f *folder) mage(args ...string) *process {
	f.Helper()
	return f.startCommand(exec.Command("go", append([]string{"tool", "mage"}, args...)...))
}

func TestAnotherMagefileImportsThePluginUnderAnAlias(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.consumer()

	r := f.mage("count").exits(0)
	contains(t, r.out, "sealed  25 words, 15 distinct, in 2 files; ")
	contains(t, r.out, "           7  the\n")
	contains(t, r.out, "\ntexts: 25 words, 15 distinct\n")
	contains(t, r.err, "workers:spawn    ")
	contains(t, f.mage("wc:verify").exits(0).out, "exact: 15 distinct, 0 missing")
	contains(t, f.mage("wc:status", "-json").exits(0).out, `"phase": "sealed"`)
	list := f.mage("-l").exits(0).out
	contains(t, list, "  count ")
	contains(t, list, "  wc:chaos:killWorker ")
	lacks(t, list, "  run ")

	program := filepath.Join(f.env["TMPDIR"], "count")
	f.mage("-compile", program).exits(0)
	f.program = program
	contains(t, f.exits(0, "count").err, "up to date")
	f.exits(0, "wc:clean")
	r = f.exits(0, "count")
	contains(t, r.err, "workers:spawn    ")
	contains(t, r.out, "\ntexts: 25 words, 15 distinct\n")

	r = f.exits(0, "both") // two jobs in one process
	contains(t, r.out, "\ntexts/brook.txt: 14 words, 9 distinct\ntexts/shore.txt: 11 words, 8 distinct\n")
	contains(t, r.out, "exact: 8 distinct, 0 missing")

	// Without a job to attack, chaos starts one. It counts some 64 MiB, so it is tested with this binary, which never
	// has the race detector in it.
	before := f.statusOf("wc:status")
	r = f.exits(0, "wc:chaos:restartRedis")
	contains(t, r.err, "no job is running in this folder: starting one")
	contains(t, r.out, "after:  meta (hash, ")
	contains(t, r.out, "exact: ")
	if now := f.statusOf("wc:status"); now.Job != before.Job || now.Redis != before.Redis {
		t.Errorf("this folder was at %+v and is at %+v", before, now)
	}
}
