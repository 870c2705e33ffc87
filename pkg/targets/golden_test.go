package targets_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestTheListOfTargetsIsTheOneThatPeopleKnow(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	got := f.exits(0, "-l").out
	golden := filepath.Join("testdata", "targets.golden")
	if *update {
		check.Must(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	check.Must(t, err)
	if got != string(want) {
		t.Errorf("names are API; if this is meant: go test ./pkg/targets -run List -update\n%s\nwant\n%s", got, want)
	}
}

func TestEveryFaultHasATarget(t *testing.T) {
	t.Parallel()
	list := bareFolder(t).exits(0, "-l").out
	for _, fault := range chaos.Faults {
		contains(t, list, "\n  chaos:"+fault.Name+" ")
	}
}
