package program

import (
	"os"
	"path/filepath"
	"testing"
)

// A program that was replaced is another one, although its path is the same.
func TestAProgramIsAskedAgainOnceItIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis-server")
	replace := func(version string) {
		t.Helper()
		next := path + ".next"
		if err := os.WriteFile(next, []byte("#!/bin/sh\necho Redis server v="+version+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	p := Program{Path: path}
	replace("7.0.15")
	for range 2 {
		if err := p.usable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	replace("6.0.16")
	if err := p.usable(t.Context()); err == nil {
		t.Error("a Redis without functions is usable")
	}
	replace("7.4.0")
	if err := p.usable(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := p.usable(t.Context()); err == nil {
		t.Error("a program that is gone is usable")
	}
}
