package targets_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAJobOnARedisInAContainerIsExactThroughARestart(t *testing.T) {
	t.Parallel()
	engine := engine(t)
	f := newFolder(t)
	image := f.image(engine)
	must(t, f.server.Stop(t.Context())) // that one is a process
	f.set("WORDCOUNT_REDIS_KIND", "container")
	f.set("WORDCOUNT_REDIS_IMAGE", image)
	f.slowTexts(60)
	f.live()
	f.set("WORDCOUNT_CHECKPOINT", "100ms")
	p := f.begun()
	before := f.status().Redis
	contains(t, p.err.String(), image+" in "+engine+", "+f.server.Addr)
	if before.Kind != "container" || before.Addr != f.server.Addr {
		t.Errorf("on %+v", before)
	}
	attack := f.start("chaos:restartRedis")
	attack.says("after:  meta (hash, ")
	p.letGo()
	contains(t, attack.exits(0).out, "exact: ")
	contains(t, p.exits(0).err, "! redis is back: ")
	if now := f.status().Redis; now.Addr != before.Addr {
		t.Errorf("redis was at %s and is at %s", before.Addr, now.Addr)
	}
	f.exact()
	f.exits(0, "redis:stop") // until then a save that outlives its supervisor has the container's umask
	f.stateIsPrivate()
	f.exact() // it starts the container again
}

// engine is a container engine that answers.
func engine(t *testing.T) string {
	for _, engine := range []string{"docker", "podman"} {
		if exec.Command(engine, "ps", "-q").Run() == nil {
			return engine
		}
	}
	t.Skip("no container engine answers")
	return ""
}

// image makes an image of the server that is used without containers, with no registry. It and its containers are
// removed when the test ends.
func (f *folder) image(engine string) string {
	f.Helper()
	ldd := exec.Command("ldd", f.server.Program)
	ldd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+f.server.Libs)
	needs, err := ldd.Output()
	if err != nil {
		f.Skipf("can't make an image of the server that is here: ldd: %v", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	add := func(name, from string) {
		content, err := os.ReadFile(from)
		must(f, err)
		must(f, w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}))
		_, err = w.Write(content)
		must(f, err)
	}
	add("usr/bin/redis-server", f.server.Program)
	for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(string(needs), -1) {
		name := m[1]
		if i := strings.LastIndex(name, "/usr/lib/"); i > 0 { // out of the folder of unpacked packages
			name = name[i:]
		}
		add(strings.TrimPrefix(name, "/"), m[1])
	}
	must(f, w.Close())
	image := fmt.Sprintf("targets-test:%d", os.Getpid())
	load := exec.Command(engine, "import", "-", image)
	load.Stdin = &layer
	if out, err := load.CombinedOutput(); err != nil {
		f.Fatalf("import an image: %v: %s", err, out)
	}
	f.Cleanup(func() {
		label := "label=wordcount=" + filepath.Join(f.state(), "redis")
		left, _ := exec.Command(engine, "ps", "-aq", "--filter", label).Output()
		for id := range strings.FieldsSeq(string(left)) {
			exec.Command(engine, "rm", "--force", id).Run()
		}
		if out, err := exec.Command(engine, "rmi", "--force", image).CombinedOutput(); err != nil {
			f.Errorf("remove %s: %v: %s", image, err, out)
		}
	})
	return image
}
