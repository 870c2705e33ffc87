package targets_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobOverTLSIsExact(t *testing.T) {
	for name, clients := range map[string]string{"with an authority's file": "no", "with a client's certificate too": "yes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			free, err := redisd.FreePort()
			check.Must(t, err)
			secure := "127.0.0.1:" + strconv.Itoa(free)
			ca, cert, key := redistest.Certificates(t, t.TempDir())
			f.private("tls-port "+strconv.Itoa(free)+"\ntls-auth-clients "+clients+"\ntls-ca-cert-file "+ca+
				"\ntls-cert-file "+cert+"\ntls-key-file "+key, "word")
			f.use("rediss://:word@"+secure, "")
			f.slowTexts(30)
			f.live()
			refused := f.exits(3, "run").err // we know nobody who would vouch for it
			contains(t, refused, "certificate")
			f.set("WORDCOUNT_REDIS_CA", ca)
			if clients == "yes" {
				f.exits(3, "run")
				f.set("WORDCOUNT_REDIS_CERT", cert)
				f.set("WORDCOUNT_REDIS_KEY", key)
			}
			p := f.begun()
			f.workers()
			connections, err := f.rdb.ClientList(t.Context()).Result()
			check.Must(t, err)
			for line := range strings.Lines(connections) {
				mine := strings.Contains(line, " name= ") // the test's own, in the open
				if !mine && !strings.Contains(line, " laddr="+secure+" ") {
					t.Errorf("somebody is connected in the open: %s", line)
				}
			}
			p.exits(0)
			f.exact()
		})
	}
}
