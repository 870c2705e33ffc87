package targets_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAnArgumentThatIsNoTargetIsRefusedBeforeAnythingIsCounted(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	f.texts(1)
	for says, args := range map[string][]string{
		`there is no target "data": to count it, write -input=data`: {"run", "data"},
		"to count it, write -input=texts":                           {"run", "-workers=1", "texts"},
		`there is no target "data"`:                                 {"verify", "data"},
		"verify has no flag -input: write it behind run":            {"run", "verify", "-input=data"},
		"status has no flag -n":                                     {"top", "-n=1", "status", "-n=1"},
		"-input has no value: write -input=data":                    {"run", "-input", "data"},
		"-workers has no value: write -workers=VALUE":               {"-v", "run", "-workers", "-input=data"},
		"--input=data has two dashes: write -input=data":            {"run", "--input=data"},
		"--partial has two dashes: write -partial":                  {"export", "--partial"},
	} {
		r := f.exits(2, args...)
		contains(t, r.err, says)
		if lines(r.err) != 1 || r.out != "" {
			t.Errorf("%v says more: %s", args, r)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, ".wordcount")); err == nil {
		t.Error("something was begun")
	}
}

func TestArgumentsThatMageReadsAreNotRefused(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "RUN", "-Input=data", "-workers=1", "redis:START", "export", "-out=-n=1", "-partial", "top", "-partial=true", "-n=1")
	contains(t, f.exits(0, "-h", "run").out, "\t-input=<string>  files, folders, patterns, one a line; ")
	contains(t, f.exits(0, "-l").out, "chaos:killWorker")
}
