package targets_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobThatKeepsFewWordsIsShownExportedAndVerifiedFromFiles(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(20)
	f.set("WORDCOUNT_KEEP", "3")
	f.exits(0, "run")
	delete(f.env, "WORDCOUNT_KEEP") // the last run's is taken over
	contains(t, f.exits(0, "run").err, "WORDCOUNT_KEEP=3")
	all := f.counted()
	if got := f.exits(0, "export").out; got != all {
		t.Errorf("exported:\n%s", got)
	}
	contains(t, f.exits(0, "verify").out, "exact: ")
	if n := strings.Count(f.exits(0, "top", "-n=5").out, "\n"); n != 5 {
		t.Errorf("the top has %d lines", n)
	}
	contains(t, f.exits(0, "status").out, "the 3 most frequent words")
	var s struct{ Keep int }
	check.Must(t, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &s))
	if s.Keep != 3 {
		t.Errorf("status says that %d words are kept", s.Keep)
	}

	files, err := filepath.Glob(filepath.Join(f.state(), "shuffle", "*", "*", "result", "*"))
	check.Must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no result files")
	}
	check.Must(t, os.Truncate(files[0], 99))
	for _, target := range []string{"top", "export", "verify"} {
		r := f.exits(3, target)
		for _, says := range []string{"the sealed result is not there any more: ", "result file is lost", " clean run"} {
			contains(t, r.err, says)
		}
		if !strings.HasPrefix(all, r.out) && target == "export" {
			t.Errorf("%s showed lines that are not of the result:\n%s", target, r.out)
		}
	}
	contains(t, f.exits(0, "run").err, "begins anew")
	f.exact()
	f.exits(0, "clean")
	if left, err := filepath.Glob(filepath.Join(f.state(), "shuffle", "*")); err != nil || len(left) > 0 {
		t.Errorf("clean has left %v, %v", left, err)
	}
}

func TestToKeepFewWordsWithoutReducersExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.live()
	f.set("WORDCOUNT_KEEP", "1000")
	contains(t, f.exits(2, "run").err, "input: to keep 1000 words needs reducers: ")
	f.set("WORDCOUNT_KEEP", "all")
	f.exits(0, "run")
}
