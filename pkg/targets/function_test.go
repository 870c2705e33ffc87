package targets_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// links writes records whose hosts the README's function finds, and returns what is exported of them.
func (f *folder) links() (counted string) {
	f.Helper()
	for file := range 8 {
		var records strings.Builder
		for i := range 60 {
			host := []string{"Go.dev", "go.dev", "redis.io", "go.dev", "magefile.org", "go.dev"}[i%6]
			fmt.Fprintf(&records, `{"id":%d,"url":"https://%s/%d","from":"https://elsewhere.example/"}`+"\n", i, host, i)
		}
		records.WriteString(`{"id":60}` + "\n")
		f.write(fmt.Sprintf("links/%d.json", file), records.String())
	}
	return "320\tgo.dev\n80\tmagefile.org\n80\tredis.io\n"
}

// The example of the README.
func TestAFunctionThatAMagefileRegistersSaysWhatIsCounted(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	check.Must(t, err)
	line := regexp.MustCompile("`go tool mage (wc:run [^`]*func:host[^`]*)`").FindStringSubmatch(string(readme))
	if line == nil {
		t.Fatal("README.md doesn't say how to count by a function")
	}
	host := newFolder(t)
	host.consumes()
	counted := host.links()
	r := host.exits(0, strings.Fields(line[1])...)
	contains(t, r.err, "2 workers: ") // processes
	contains(t, r.out, "8 of 488 records had no url")
	contains(t, r.out, "exact: 3 distinct, 0 missing")
	if out := host.exits(0, "wc:export").out; out != counted {
		t.Errorf("it exports %q", out)
	}
	check.Must(t, os.RemoveAll(filepath.Join(host.dir, "links")))
	host.links()
	contains(t, host.exits(2, "wc:verify").err, "isn't what was counted") // the files are new

	r = host.exits(5, "late")
	contains(t, r.err, `failed: Unknown target specified: "no init function of the magefile calls words.Register(\"late\")"`)

	host.exits(0, "wc:clean")
	host.exits(0, strings.Fields(line[1])...)
	host.program, err = magefile() // which has no function
	check.Must(t, err)
	for _, target := range []string{"run", "verify"} {
		contains(t, host.exits(2, target).err, `Error: input: words: function isn't registered: "host" (none is): call words.Register `)
	}
}

func TestFault78AHostWhoseProgramLacksTheFunctionOfAJobClaimsNothing(t *testing.T) {
	t.Parallel()
	for _, reducers := range []string{"3", "0"} {
		t.Run(reducers+" reducers", func(t *testing.T) {
			t.Parallel()
			host := newFolder(t)
			host.consumes()
			counted := host.links()
			host.set("WORDCOUNT_INPUT", "links")
			host.set("WORDCOUNT_FIELD", "jsonl:url")
			host.set("WORDCOUNT_WORDS", "func:host")
			host.set("WORDCOUNT_REDUCERS", reducers)
			host.set("WORDCOUNT_SHUFFLE", filepath.Join(host.dir, "shared"))
			host.exits(0, "wc:stream:seed") // and nobody to count
			join := []string{"workers:join", "-job=" + host.job().ID, "-input=" + filepath.Join(host.dir, "links")}

			stranger := host.guest() // this repository's program
			stranger.set("WORDCOUNT_SHUFFLE", host.env["WORDCOUNT_SHUFFLE"])
			r := stranger.exits(2, join...)
			contains(t, r.err, `Error: input: words: function isn't registered: "host" (none is): call words.Register `)
			lacks(t, r.err, "workers:spawn")
			host.until("it has claimed nothing", func(s protocol.Status) bool {
				if s.Mapped != 0 || s.Pending() != 0 || len(s.Workers) != 0 || s.Troubles != 0 {
					t.Errorf("%+v", s)
				}
				return true
			})

			guest := host.guest() // another folder of the same program, which was told something else
			guest.program = host.program
			guest.set("WORDCOUNT_SHUFFLE", host.env["WORDCOUNT_SHUFFLE"])
			guest.set("WORDCOUNT_FIELD", "csv:1")
			join[0] = "wc:workers:join"
			p := guest.start(join...)
			host.until("it has done all", func(s protocol.Status) bool { return s.Phase == protocol.Done })
			contains(t, host.exits(0, "wc:run", "wc:verify").out, "exact: 3 distinct, 0 missing")
			p.exits(0)
			if out := host.exits(0, "wc:export").out; out != counted {
				t.Errorf("it exports %q", out)
			}
		})
	}
}

func TestAHostThatJoinsCountsTheFieldOfTheJob(t *testing.T) {
	t.Parallel()
	host := newFolder(t)
	host.examples()
	host.set("WORDCOUNT_REDUCERS", "0")
	host.set("WORDCOUNT_INPUT", "logs")
	host.set("WORDCOUNT_FIELD", "jsonl:user.agent")
	host.exits(0, "stream:seed") // and nobody to count
	guest := host.guest()
	guest.set("WORDCOUNT_FIELD", "line") // of its own jobs
	p := guest.start("workers:join", "-job="+host.job().ID, "-input="+filepath.Join(host.dir, "logs"))
	host.until("it has done all", func(s protocol.Status) bool { return s.Phase == protocol.Done })
	r := host.exits(0, "run", "verify")
	contains(t, r.out, "8 of 1,200 records had no user.agent")
	contains(t, r.out, "         596  Chrome/126.0\n")
	contains(t, r.out, "exact: 3 distinct, 0 missing")
	p.exits(0)
}
