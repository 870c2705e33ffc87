package targets_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// examples writes what the examples in the README count.
func (f *folder) examples() {
	f.Helper()
	agents := []string{"Firefox/128.0", "Chrome/126.0", "curl/8.5.0", "Chrome/126.0", "Safari/17.4", "Chrome/126.0"}
	for file := range 4 {
		var logs strings.Builder
		for i := range 300 {
			user := fmt.Sprintf(`{"id":%d,"agent":%q}`, i, agents[i*i%len(agents)])
			if i%150 == file {
				user = `{"id":0}`
			}
			fmt.Fprintf(&logs, `{"time":"2026-11-27T10:%02d:00Z","user":%s,"status":200}`+"\n", i%60, user)
		}
		f.write(fmt.Sprintf("logs/%d.json.gz", file), string(check.Gzip(f.T, logs.String())))
	}
	var orders, access strings.Builder
	orders.WriteString("id,comment,product\n")
	for i := range 500 {
		fmt.Fprintf(&orders, "%d,\"for \"\"you\"\",\nand me\",%s\n", i, []string{"tea", `"black tea"`, "coffee", "tea"}[i%4])
		fmt.Fprintf(&access, "192.0.2.%d - - [27/Nov/2026:10:00:00 +0000] \"GET %s HTTP/1.1\" 200 %d\n",
			i%250, []string{"/", "/docs?page=2", "/docs", "/about"}[i%7%4], i)
	}
	f.write("orders.csv", orders.String())
	f.write("access.log", access.String())
}

// Each block of the README that runs with -field or -words prints what it says.
func TestTheExamplesOfFieldsInTheREADMEPrintWhatItSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	check.Must(t, err)
	_, section, _ := strings.Cut(string(text), "### Records, fields and words")
	section, _, _ = strings.Cut(section, "\n### ")
	commands := regexp.MustCompile(`(?m)^\$ (.+)\n((?:[^$`+"`"+`].*\n)+)`).FindAllStringSubmatch(section, -1)
	if len(commands) != 4 {
		t.Fatalf("there are %d examples", len(commands))
	}
	f := newFolder(t)
	f.examples()
	for _, c := range commands {
		line := strings.Replace(c[1], "go tool mage", `"$PROGRAM"`, 1)
		f.set("PROGRAM", f.program)
		out := f.startCommand(exec.Command("sh", "-c", line)).exits(0).out
		out = regexp.MustCompile(`\d+ tasks? redone, none counted twice`).ReplaceAllString(out, "nothing redone")
		if strings.Contains(c[1], "GOROOT") { // what is counted is another version of Go
			contains(t, out, "exact: ")
			continue
		}
		if out != c[2] {
			t.Errorf("%s\nprints\n%s\nand the README says\n%s", c[1], out, c[2])
		}
		f.exits(0, "verify")
	}
}

func TestStatusSaysWhatIsCountedAndWhatBecameOfTheRecords(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.examples()
	r := f.exits(0, "run", "-input=logs", "-field=jsonl:user.agent", "verify")
	contains(t, r.out, "8 of 1,200 records had no user.agent")
	var status struct {
		Counts struct{ Field, Words string }
		Tally  protocol.Tally
	}
	check.Must(t, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &status))
	if status.Counts.Field != "jsonl:user.agent" || status.Counts.Words != "value" || status.Tally.Records != 1200 || status.Tally.Missing != 8 {
		t.Errorf("%+v", status)
	}
	contains(t, f.exits(0, "status").out, "records  8 of 1,200 records had no user.agent")
	contains(t, f.exits(0, "run").err, "up to date") // the field is taken over, too
	f.set("WORDCOUNT_STRICT", "1")
	f.set("WORDCOUNT_FIELD", "jsonl:user.agent")
	strict := f.exits(5, "run", "-input=logs")
	contains(t, strict.err, filepath.Join(f.dir, "logs", "0.json.gz"))
	contains(t, strict.err, "record at byte 0: it has no user.agent")
	contains(t, strict.err, "WORDCOUNT_STRICT")
}

func TestAFieldThatMakesNoSenseIsNamedAndExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	for option, says := range map[string]string{
		"WORDCOUNT_FIELD=xml:a": "jsonl:PATH", "WORDCOUNT_FIELD=csv:": "column", "WORDCOUNT_WORDS=letters": "unicode",
		"WORDCOUNT_WORDS=regexp:(": "missing closing )", "WORDCOUNT_WORDS=func:nobody": "nobody", "WORDCOUNT_FOLD=CASE": "case,nfc",
		"WORDCOUNT_STRICT=yes": "write 1", "WORDCOUNT_STRICT=1": "needs a field",
	} {
		name, value, _ := strings.Cut(option, "=")
		f.set(name, value)
		r := f.exits(2, "run")
		contains(t, r.err, says)
		lacks(t, r.err, "redis:start")
		delete(f.env, name)
	}
}
