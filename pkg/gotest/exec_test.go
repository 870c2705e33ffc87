package gotest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// obedient writes the file "up" in its folder, with its flag, and "interrupted" after an interrupt.
const obedient = `package b

import (
	"flag"
	"os"
	"os/signal"
	"testing"
)

var say = flag.String("say", "", "")

func TestUp(t *testing.T) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	os.WriteFile("up", []byte(*say), 0o644)
	if *say == "wait" {
		<-interrupted
		os.WriteFile("interrupted", nil, 0o644)
	}
}

func TestBad(t *testing.T) { t.Error("wrong") }
`

func TestExecRunsTestsInTheirFolderWithTheirFlags(t *testing.T) {
	inModule(t, "", "")
	write(t, "b/b_test.go", obedient)
	word := "hello"
	args := Flag(Flag([]string{"-test.run=TestUp"}, "say", &word), "none", (*int)(nil))
	if !slices.Equal(args, []string{"-test.run=TestUp", "-say=hello"}) {
		t.Errorf("arguments %q", args)
	}
	if err := Exec(t.Context(), "b", args...); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile("b/up"); string(got) != "hello" {
		t.Errorf("it has written %q (%v)", got, err)
	}
	if err := Exec(t.Context(), "b", "-test.run=TestBad"); err == nil {
		t.Error("a test that fails is no error")
	}
	write(t, "b/b_test.go", "no Go")
	if err := Exec(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), "build the tests in b") {
		t.Errorf("tests that can't be built: %v", err)
	}
}

func TestExecInterruptsTheTestsAndWaitsForTheirEnd(t *testing.T) {
	inModule(t, "", "")
	write(t, "b/b_test.go", obedient)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir, err := filepath.Abs("b")
	if err != nil {
		t.Fatal(err)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "up")); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	})
	Exec(ctx, "b", "-test.run=TestUp", "-say=wait")
	cancel()
	watching.Wait()
	if _, err := os.Stat("b/interrupted"); err != nil {
		t.Errorf("the tests were not interrupted, or not waited for: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
