// Package check has what the tests of every room need. It imports no room, so that tests inside
// any of them can use it.
package check

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Limit is how long any one thing may take, so that a test that waits in vain says so itself.
const Limit = 2 * time.Minute

// Must ends the test if there is an error.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// IsError checks the class of an error, and that the error is one line that holds the words.
func IsError(tb testing.TB, err, class error, words ...string) {
	tb.Helper()
	if !errors.Is(err, class) {
		tb.Fatalf("got %v, want an error of the class %q", err, class)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			tb.Errorf("%q doesn't say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		tb.Errorf("%q is more than one line", err)
	}
}

// Await asks again and again until something has happened. The test ends if it doesn't within
// Limit.
func Await(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for end := time.Now().Add(Limit); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("this never happened: %s", what)
		}
	}
}
