package targets_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobOnARedisInAContainerIsExactThroughARestart(t *testing.T) {
	t.Parallel()
	engine := redistest.Engine(t)
	f := newFolder(t)
	image := f.image(engine)
	check.Must(t, f.server.Stop(t.Context())) // that one is a process
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

// image makes an image of the server that is used without containers. Its containers are removed when the test ends.
func (f *folder) image(engine string) string {
	f.Helper()
	image := f.server.Image(f, engine)
	f.Cleanup(func() {
		label := "label=wordcount=" + filepath.Join(f.state(), "redis")
		left, _ := exec.Command(engine, "ps", "-aq", "--filter", label).Output()
		for id := range strings.FieldsSeq(string(left)) {
			exec.Command(engine, "rm", "--force", id).Run()
		}
	})
	return image
}
