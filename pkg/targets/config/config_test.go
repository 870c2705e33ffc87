package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// unsettled takes every option out of the environment, until the test ends.
func unsettled(t *testing.T) {
	t.Helper()
	for _, v := range variables {
		t.Setenv(v.name, "")
	}
}

func TestAVariableWinsOverTheFieldOfAConfigAndThatOverTheDefault(t *testing.T) {
	unsettled(t)
	tried := map[string][2]string{
		"WORDCOUNT_INPUT": {"one", "other"}, "WORDCOUNT_EXCLUDE": {"*.gz", "a,b"}, "WORDCOUNT_SKIP": {"binary", "unreadable"},
		"WORDCOUNT_FIELD": {"line", "csv:1"}, "WORDCOUNT_WORDS": {"unicode", "value"}, "WORDCOUNT_FOLD": {"nfc", "case"},
		"WORDCOUNT_WORKERS": {"3", "5"}, "WORDCOUNT_REDUCERS": {"3", "0"}, "WORDCOUNT_KEEP": {"3", "all"},
		"WORDCOUNT_SPLIT": {"1MiB", "0"}, "WORDCOUNT_WORKER_MEMORY": {"64MiB", "128MiB"}, "WORDCOUNT_SHUFFLE": {"one", "other"}, "WORDCOUNT_LEASE": {"3s", "5s"},
		"WORDCOUNT_CHECKPOINT": {"3s", "7s"}, "WORDCOUNT_FAULTS": {"slow=1s:1", "slow=2s:1"},
		"WORDCOUNT_METRICS": {"9464", "0.0.0.0:1"}, "WORDCOUNT_VERIFY_PART": {"1/2", "2/2"}, "WORDCOUNT_DURABILITY": {"none", "waitaof"},
		"WORDCOUNT_REDIS_MEMORY": {"1MiB", "2MiB"}, "WORDCOUNT_REDIS_KIND": {"process", "container"},
		"WORDCOUNT_REDIS_IMAGE": {"one", "other"}, "WORDCOUNT_REDIS_PORT": {"1", "2"},
		"REDIS_URL": {"redis://one", "redis://other"}, "WORDCOUNT_REDIS_PASSWORD_FILE": {"one", "other"},
		"WORDCOUNT_REDIS_CA": {"one", "other"}, "WORDCOUNT_REDIS_CERT": {"one", "other"}, "WORDCOUNT_REDIS_KEY": {"one", "other"},
	}
	for name, values := range tried {
		t.Run(name, func(t *testing.T) {
			field := func(value string) (c Config) {
				check.Must(t, c.set(name, value))
				return c
			}
			code, wanted := field(values[0]), field(values[1])
			id := func(c Config) string {
				t.Helper()
				c, err := Resolve(c, nil)
				check.Must(t, err)
				return ID(Complete(c))
			}
			byDefault, inCode := id(Config{}), id(code)
			if byDefault == inCode {
				t.Error("what is in the Config changes nothing")
			}
			t.Setenv(name, values[1])
			if id(code) != id(wanted) || id(code) == inCode {
				t.Errorf("the variable doesn't win: %s", id(code))
			}
			if code.AsIs = true; id(code) != inCode {
				t.Errorf("the variable changes what is meant as it is: %s", id(code))
			}
		})
	}
	// WORDCOUNT_GROWING, WORDCOUNT_STRICT and WORDCOUNT_EVENTS have a single value, so that they can't win over another.
	if n := len(tried) + 3; len(variables) != n {
		t.Errorf("there are %d variables, and %d are tried", len(variables), n)
	}
}

func TestAFlagWinsOverAVariable(t *testing.T) {
	unsettled(t)
	t.Setenv("WORDCOUNT_WORKERS", "3")
	c, err := Resolve(Config{Workers: 2}, map[string]string{"WORDCOUNT_WORKERS": "5"})
	check.Must(t, err)
	if c.Workers != 5 {
		t.Errorf("%d workers", c.Workers)
	}
}

// The files hold secrets, which are for the server that they were named with.
func TestTheFilesOfAConfigsServerAreNotUsedForAnotherOne(t *testing.T) {
	unsettled(t)
	code := Config{Redis: redisd.Config{URL: "rediss://theirs", PasswordFile: "a", CAFile: "b", CertFile: "c", KeyFile: "d"}}
	t.Setenv("REDIS_URL", "redis://ours")
	t.Setenv("WORDCOUNT_REDIS_PASSWORD_FILE", "e")
	c, err := Resolve(code, nil)
	check.Must(t, err)
	if want := (redisd.Config{URL: "redis://ours", PasswordFile: "e"}); c.Redis != want {
		t.Errorf("%+v, want %+v", c.Redis, want)
	}
}

func TestAnUnknownVariableIsRefusedAndTheNearOneNamed(t *testing.T) {
	for name, near := range map[string]string{
		"WORDCOUNT_WORKER": "did you mean WORDCOUNT_WORKERS?", "WORDCOUNT_REDUCER": "did you mean WORDCOUNT_REDUCERS?",
		"WORDCOUNT_SPLTI": "did you mean WORDCOUNT_SPLIT?", "WORDCOUNT_FOLLOW_LINKS": show.Typed("{mage} env shows all"),
	} {
		err := onlyKnown([]string{"HOME=/", name + "=3"})
		if !errors.Is(err, protocol.ErrInput) || !strings.HasSuffix(err.Error(), "there is no option "+name+": "+near) {
			t.Errorf("%s: %v", name, err)
		}
	}
	known := []string{"WORDCOUNT_WORKER=", "WORDCOUNTS=3", "WORDCOUNT_TEST_FULL=1", "WORDCOUNT_HISTORY=dir", "WORDCOUNT_ROLE" + "=worker"}
	for _, v := range variables {
		known = append(known, v.name+"=3")
	}
	if err := onlyKnown(known); err != nil {
		t.Error(err)
	}
}

func TestTheClassOfAnErrorIsNamedOnce(t *testing.T) {
	unsettled(t)
	for name, value := range map[string]string{"WORDCOUNT_VERIFY_PART": "0/2", "WORDCOUNT_FAULTS": "crash@noon:1", "WORDCOUNT_WORKERS": "0"} {
		err := new(Config).set(name, value)
		check.IsError(t, err, protocol.ErrInput, "input: "+name+"="+value+": ")
		if n := strings.Count(err.Error(), protocol.ErrInput.Error()+": "); n != 1 {
			t.Errorf("named %d times: %v", n, err)
		}
	}
}

func TestNoPasswordIsPrintedWhereverSomebodyPutsIt(t *testing.T) {
	unsettled(t)
	t.Chdir(t.TempDir())
	const secret = "hunter2"
	for _, c := range []struct{ name, value, shown string }{
		{"REDIS_URL", "redis://user:" + secret + "@host:1", "redis://host:1"},
		{"REDIS_URL", "redis://" + secret + "@host:1", "redis://host:1"},
		{"REDIS_URL", "redis://host:" + secret, "(not an address)"},
		{"REDIS_URL", "redis://host/" + secret, "(not an address)"},
		{"REDIS_URL", "redis://host?" + secret, "(not an address)"},
		{"REDIS_URL", secret, "(not an address)"},
		{"WORDCOUNT_REDIS_PASSWORD_FILE", secret, "(not a file)"},
		{"WORDCOUNT_REDIS_PORT", secret, "(wrong)"},
		{"WORDCOUNT_REDIS_KIND", secret, "(wrong)"},
		{"WORDCOUNT_REDIS_MEMORY", secret, "(wrong)"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			settled, wrong := UnderVariables(Config{})
			var table bytes.Buffer
			check.Must(t, PrintEnv(&table, settled))
			if !regexp.MustCompile(`(?m)^` + c.name + ` +` + regexp.QuoteMeta(c.shown) + ` +environment$`).Match(table.Bytes()) {
				t.Errorf("%s isn't shown as %s:\n%s", c.name, c.shown, &table)
			}
			if said := table.String() + fmt.Sprint(wrong); strings.Contains(said, secret) {
				t.Errorf("the password is printed:\n%s", said)
			}
		})
	}
}

func TestConfigurationsAreToldApartByTheBytesOfAPath(t *testing.T) {
	one, other := Config{Inputs: []string{"\xff"}}, Config{Inputs: []string{"\xfe"}}
	if ID(one) == ID(other) {
		t.Errorf("both are %s", ID(one))
	}
}

func TestARunWithoutAnInputTakesOverWhatTheLastOneWasAskedFor(t *testing.T) {
	unsettled(t)
	dir := t.TempDir()
	t.Chdir(dir)
	check.Must(t, os.MkdirAll("texts", 0o755))
	texts := []string{"texts"}
	asked := func(c Config) {
		t.Helper()
		c = Complete(c)
		m, err := plan.Scan(t.Context(), c.Inputs, c.Dir, c.options())
		check.Must(t, err)
		check.Must(t, state.Folder{Dir: c.Dir}.Save(plan.New(m, c.options())))
	}
	resolved := func(c Config) Config {
		t.Helper()
		c, err := Resolve(c, nil)
		check.Must(t, err)
		return c
	}
	if c := resolved(Config{}); len(c.Inputs) > 0 || c.taken != "" {
		t.Errorf("without a last run: %+v", c)
	}

	asked(Config{
		Inputs: []string{"texts"}, Exclude: []string{"*.gz", `a\,b`}, Skip: plan.Skip{Unreadable: true, Binary: true}, Growing: true,
		Reducers: 3, WholeFiles: true, Keep: 1000, Field: "jsonl:a.b", Words: "unicode", Fold: "case", Strict: true,
	})
	want := `WORDCOUNT_INPUT=texts WORDCOUNT_EXCLUDE="*.gz,a\\,b" WORDCOUNT_SKIP=unreadable,binary WORDCOUNT_GROWING=planned ` +
		"WORDCOUNT_FIELD=jsonl:a.b WORDCOUNT_WORDS=unicode WORDCOUNT_FOLD=case WORDCOUNT_STRICT=1 WORDCOUNT_SPLIT=0 WORDCOUNT_REDUCERS=3 WORDCOUNT_KEEP=1000"
	if c := resolved(Config{}); !slices.Equal(c.Inputs, texts) || !slices.Equal(c.Exclude, []string{"*.gz", `a\,b`}) || !c.Skip.Unreadable || !c.Skip.Binary ||
		!c.Growing || c.Field != "jsonl:a.b" || c.Words != "unicode" || c.Fold != "case" || !c.Strict || c.Reducers != 3 || !c.WholeFiles || c.Keep != 1000 || c.taken != want {
		t.Errorf("after a run with everything: %+v", c)
	}
	if c := resolved(Config{Reducers: 5}); !slices.Equal(c.Inputs, texts) || c.Reducers != 5 || !c.WholeFiles {
		t.Errorf("with reducers of its own: %+v", c)
	}
	if c := resolved(Config{Field: "line"}); !slices.Equal(c.Inputs, texts) || c.Field != "line" || c.Words != "" || c.Fold != "" || c.Strict {
		t.Errorf("with a field of its own: %+v", c)
	}
	if c := resolved(Config{Direct: true}); !c.Direct || c.Keep != 0 {
		t.Errorf("without reducers: %+v", c)
	}
	t.Setenv("WORDCOUNT_KEEP", "all")
	if c := resolved(Config{}); c.Reducers != 3 || c.Keep != 0 {
		t.Errorf("with all words: %+v", c)
	}
	t.Setenv("WORDCOUNT_KEEP", "")
	for _, c := range []Config{{Inputs: []string{"others"}}, {AsIs: true}, {Dir: "another"}} {
		if got := resolved(c); !slices.Equal(got.Inputs, c.Inputs) || got.Reducers != 0 || got.Split != 0 || got.taken != "" {
			t.Errorf("%+v became %+v", c, got)
		}
	}

	// What the last run left open, stays open.
	asked(Config{Inputs: texts})
	if c := resolved(Config{}); !slices.Equal(c.Inputs, texts) || c.Reducers != 0 || c.Split != 0 {
		t.Errorf("after a run with an input alone: %+v", c)
	}
	check.Must(t, os.Mkdir(defaultInput, 0o755))
	asked(Config{})
	if c := resolved(Config{}); !slices.Equal(c.Inputs, []string{defaultInput}) || c.taken != "" {
		t.Errorf("after a run with nothing: %+v", c)
	}

	// The folder may move, with its texts in it.
	asked(Config{Inputs: texts})
	moved := dir + " moved"
	check.Must(t, os.Rename(dir, moved))
	t.Chdir(moved)
	if c := resolved(Config{}); !slices.Equal(c.Inputs, texts) {
		t.Errorf("in a folder that was moved: %+v", c)
	}
}

func TestEveryVariableIsInTheReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	check.Must(t, err)
	for _, v := range variables {
		if !strings.Contains(string(readme), v.name) {
			t.Errorf("README.md lacks %s", v.name)
		}
	}
}
