package targets_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// consumerModule makes dir a module as the README describes it, with the README's two magefiles and the one
// of testdata/consumer, and with a go.mod that leads to this checkout.
func consumerModule(dir string) error {
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "consumer"))); err != nil {
		return err
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		return err
	}
	_, plugin, _ := strings.Cut(string(readme), "### As a plugin\n")
	plugin, _, _ = strings.Cut(plugin, "\n### ")
	blocks := regexp.MustCompile("(?s)```(?:go)?\n(.*?)```").FindAllStringSubmatch(plugin, -1)
	if len(blocks) != 3 {
		return fmt.Errorf("README.md doesn't say how to use the plugin")
	}
	mod := "module example.com/consumer\n\ngo 1.26.0\n\n" + blocks[0][1]
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		return err
	}
	for i, name := range []string{"rare.go", "host.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(blocks[i+1][1]), 0o644); err != nil {
			return err
		}
	}
	return module(dir)
}

// consumerProgram compiles the consumer's magefiles, once.
var consumerProgram = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(builds, "consumer")
	if err := consumerModule(dir); err != nil {
		return "", err
	}
	_, err := command(dir, "go", "tool", "mage", "-compile", "program")
	return filepath.Join(dir, "program"), err
})

// consumes makes the folder one in which the consumer's compiled magefile is used, with its texts.
func (f *folder) consumes() {
	f.Helper()
	program, err := consumerProgram()
	check.Must(f, err)
	f.program = program
	check.Must(f, os.CopyFS(filepath.Join(f.dir, "texts"), os.DirFS(filepath.Join("testdata", "consumer", "texts"))))
}

// mage runs targets of the consumer's module as people do who have installed nothing.
func (f *folder) mage(args ...string) *process {
	f.Helper()
	return f.startCommand(exec.Command("go", append([]string{"tool", "mage"}, args...)...))
}

// compiles lets Mage compile what is in the folder, offline.
func (f *folder) compiles() {
	f.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		path, err := command(f.dir, "go", "env", name)
		check.Must(f, err)
		f.set(name, strings.TrimSpace(path))
	}
	for _, setting := range goEnv(nil) {
		name, value, _ := strings.Cut(setting, "=")
		f.set(name, value)
	}
	f.set("MAGEFILE_CACHE", filepath.Join(f.env["TMPDIR"], "mage"))
}

func TestAnotherMagefileImportsThePluginUnderAnAlias(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	check.Must(t, consumerModule(f.dir))
	f.compiles()

	r := f.mage("rare").exits(0) // the README's example
	contains(t, r.out, "sealed  25 words, 15 distinct, in 2 files; ")
	contains(t, r.out, "           7  the\n")
	contains(t, r.out, "\nexact: 15 distinct, 0 missing")
	if _, rare, _ := strings.Cut(r.out, "0 different\n"); rare !=
		"bridge\nbrook\ncomes\ndown\ngoes\nover\nroad\nruns\nsea\nup\nweir\n" {
		t.Errorf("the words that occur once:\n%s", rare)
	}
	contains(t, r.err, "workers:spawn    ")
	contains(t, f.mage("wc:verify").exits(0).out, "exact: 15 distinct, 0 missing")
	contains(t, f.mage("wc:status", "-json").exits(0).out, `"phase": "sealed"`)
	list := f.mage("-l").exits(0).out
	contains(t, list, "  rare ")
	contains(t, list, "  wc:chaos:killWorker ")
	lacks(t, list, "  run ")
	lacks(t, list, "  wc:result ")

	program, err := consumerProgram()
	check.Must(t, err)
	f.program = program
	contains(t, f.exits(0, "count").err, "up to date")
	f.exits(0, "wc:clean")
	r = f.exits(0, "count")
	contains(t, r.err, "workers:spawn    ")
	contains(t, r.out, "\ntexts: 25 words, 15 distinct\n")

	r = f.exits(0, "both") // two jobs in one process
	contains(t, r.out, "\ntexts/brook.txt: 14 words, 9 distinct\ntexts/shore.txt: 11 words, 8 distinct\n")
	contains(t, r.out, "exact: 8 distinct, 0 missing")
}

// This binary never has the race detector in it, and counts 64 MiB the sooner.
func TestChaosWithoutAJobStartsOneOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.consumes()
	f.exits(0, "count")
	before := f.statusOf("wc:status")
	r := f.exits(0, "wc:chaos:restartRedis")
	contains(t, r.err, "no job is running in this folder: starting one")
	contains(t, r.out, "after:  meta (hash, ")
	contains(t, r.out, "exact: ")
	if now := f.statusOf("wc:status"); now.Job != before.Job || now.Redis != before.Redis {
		t.Errorf("this folder was at %+v and is at %+v", before, now)
	}
}

func TestAPluginsJobUsesTheServerThatIsGiven(t *testing.T) {
	t.Parallel()
	f := newFolder(t).guest()
	f.consumes()
	r := f.exits(0, "count")
	contains(t, r.err, "given at "+f.server.Addr)
	contains(t, r.out, "\ntexts: 25 words, 15 distinct\n")
	contains(t, f.exits(0, "wc:top").out, "           7  the\n")
	if _, err := redisd.Open(redisd.Config{Dir: f.state()}); !errors.Is(err, redisd.ErrNone) {
		t.Errorf("a server was started beside it: %v", err)
	}
}

func TestAPluginsJobObeysTheVariables(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.consumes()
	f.set("WORDCOUNT_INPUT", "texts/shore.txt")
	f.set("WORDCOUNT_REDUCERS", "0")
	f.set("WORDCOUNT_WORKERS", "3")
	r := f.exits(0, "count")
	contains(t, r.err, "3 workers: ")
	contains(t, r.out, "sealed  11 words, 8 distinct, in 1 file; ")
	contains(t, r.out, ": 11 words, 8 distinct\n") // by Result
	if s := f.statusOf("wc:status"); s.Tasks.Total != 1 {
		t.Errorf("with reducers: %+v", s)
	}
	f.set("WORDCOUNT_LEASE", "soon")
	contains(t, f.exits(2, "count").err, "WORDCOUNT_LEASE=soon: ")
}

func TestAPluginReadsTheWordsOfItsOwnJobAndOfNoOther(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.consumes()
	f.write("texts/more.txt", "more")
	f.exits(0, "count")
	// The same texts in another state folder, where they were never counted.
	r := f.exits(5, "again")
	contains(t, r.err, `incomplete: "texts" as it is now is not counted (job `)

	free, err := redisd.FreePort()
	check.Must(t, err)
	f.set("WORDCOUNT_REDIS_PORT", fmt.Sprint(free))
	check.Must(t, os.Remove(filepath.Join(f.dir, "texts", "more.txt")))
	contains(t, f.exits(0, "apart").out, "\ntexts: 25 words, 15 distinct\n")
	own, err := redisd.Open(redisd.Config{Dir: filepath.Join(f.state(), "apart")})
	check.Must(t, err)
	t.Cleanup(func() { own.Stop(context.Background()) })

	r = f.exits(0, "again")
	if r.out != "texts: 25 words, 15 distinct\n" || r.err != "" {
		t.Errorf("in another process: %s", r)
	}
	f.write("texts/more.txt", "more and more")
	f.exits(5, "again")
}

func TestAProgramCountsAsTheREADMESays(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	check.Must(t, err)
	_, library, _ := strings.Cut(string(readme), "### As a library\n")
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(library)
	if code == nil {
		t.Fatal("README.md doesn't say how to use the library")
	}
	dir := filepath.Join(f.dir, "program")
	check.Must(t, os.Mkdir(dir, 0o755))
	check.Must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(code[1]), 0o644))
	check.Must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/program\n\ngo 1.26.0\n"), 0o644))
	check.Must(t, module(dir))
	_, err = command(dir, "go", "build", "-mod=mod", "-o", filepath.Join(f.dir, "count"), ".")
	check.Must(t, err)
	f.write("texts/one", "to be or not to be")
	f.program = filepath.Join(f.dir, "count")
	if out := f.exits(0).out; out != "2 be\n2 to\n1 not\n" {
		t.Errorf("it prints %q", out)
	}
}
