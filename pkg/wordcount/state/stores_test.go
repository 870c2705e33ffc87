package state

import (
	"os"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFolderKnowsWhereRunsHaveTheirMapOutputs(t *testing.T) {
	t.Parallel()
	f := Folder{Dir: t.TempDir()}
	one, other := Store{Run: "one", Dir: "/with\nnewline", Own: true}, Store{Run: "other", Dir: "/theirs"}
	if s, ok, err := f.Store("job", "one"); ok || err != nil {
		t.Errorf("before any: %+v, %v", s, err)
	}
	check.Must(t, f.SetStore("job", one))
	check.Must(t, f.SetStore("job", other))
	check.Must(t, f.SetStore("job", one))
	if all, err := f.Stores("job"); err != nil || !slices.Equal(all, []Store{one, other}) {
		t.Errorf("%+v, %v", all, err)
	}
	one.Own = false
	check.Must(t, f.SetStore("job", one))
	if s, ok, err := f.Store("job", "one"); !ok || err != nil || s != one {
		t.Errorf("%+v, %v, %v", s, ok, err)
	}
	check.Must(t, f.DropStore("job", "one"))
	check.Must(t, f.DropStore("job", "one"))
	if all, err := f.Stores("job"); err != nil || !slices.Equal(all, []Store{other}) {
		t.Errorf("%+v, %v", all, err)
	}
	check.Must(t, os.WriteFile(f.path("job", "stores"), []byte("{"), 0o600))
	_, err := f.Stores("job")
	check.IsError(t, err, protocol.ErrState, "map outputs of job job")
}
