package show

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAdviceNamesWhatPeopleType(t *testing.T) {
	t.Setenv("MAGEFILE_CACHE", filepath.Join(t.TempDir(), "cache"))
	installed := t.TempDir()
	check.Must(t, os.WriteFile(filepath.Join(installed, "mage"), nil, 0o700))
	for _, c := range []struct{ program, path, want string }{
		{"./wordcount", installed, "./wordcount"},
		{"/usr/local/bin/word count", "", "/usr/local/bin/word count"},
		{filepath.Join(os.Getenv("MAGEFILE_CACHE"), "0f1e2d"), installed, "mage"},
		{filepath.Join(os.Getenv("MAGEFILE_CACHE"), "0f1e2d"), t.TempDir(), "go tool mage"},
	} {
		t.Setenv("PATH", c.path)
		if got := called(c.program); got != c.want {
			t.Errorf("%s with PATH=%s: %s, want %s", c.program, c.path, got, c.want)
		}
	}
	if got, want := Typed("{mage} clean, {mage} run"), called(os.Args[0])+" clean, "+called(os.Args[0])+" run"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
