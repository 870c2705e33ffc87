package claim

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault62AJoinedWorkerOpensOnlyWhatIsInItsInput(t *testing.T) {
	t.Parallel()
	top, err := filepath.EvalSymlinks(t.TempDir())
	check.Must(t, err)
	in := func(names ...string) string { return filepath.Join(append([]string{top}, names...)...) }
	for _, dir := range []string{in("input", "deep"), in("input", ".wordcount"), in("input2"), in("elsewhere")} {
		check.Must(t, os.MkdirAll(dir, 0o700))
	}
	check.Must(t, os.Symlink(in("elsewhere"), in("input", "link")))
	check.Must(t, os.Symlink(in("input", "deep"), in("input", "alias")))
	check.Must(t, os.Symlink(in("input"), in("name")))
	for _, root := range []string{in("input"), in("name"), in("input") + "/"} {
		c, err := NewChecker(plan.Trust{Roots: [][]byte{[]byte(root)}, Except: []byte(in("input", ".wordcount"))})
		check.Must(t, err)
		for path, want := range map[string]bool{
			in("input", "a"):                      true,
			in("input", "deep", "a"):              true,
			in("input", "alias", "a"):             true,
			in("name", "a"):                       true,
			in("input", "not there", "a"):         true, // and there is nothing to be opened
			in("input", ".wordcount", "password"): false,
			in("input", "link", "a"):              false,
			in("input2", "a"):                     false,
			in("elsewhere", "a"):                  false,
			"/etc/passwd":                         false,
		} {
			if got := c.holds(path); got != want {
				t.Errorf("%s holds %s: %v", root, path, got)
			}
		}
	}
	for root, path := range map[string]string{"/": "/etc/passwd", in("input", "a"): in("input", "a")} {
		c, err := NewChecker(plan.Trust{Roots: [][]byte{[]byte(root)}})
		check.Must(t, err)
		if !c.holds(path) {
			t.Errorf("%s does not hold %s", root, path)
		}
	}
	c, err := NewChecker(plan.Trust{Roots: [][]byte{[]byte("/")}})
	check.Must(t, err)
	for _, path := range []string{"", ".", "a", "../a", "/a/../b", "/a/.", "/a//b"} {
		if err := c.Check(Task{Split: plan.Split{File: input.File{Path: in("input", "a")}, More: []input.File{{Path: path}}}}); !errors.Is(err, protocol.ErrState) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if c, err := NewChecker(plan.Trust{}); err != nil || c.holds("/etc/passwd") {
		t.Errorf("who was told of no input may read any: %v", err)
	}
}
