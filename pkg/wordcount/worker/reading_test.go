package worker

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/combine"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAWorkerThatMustEndReadsNothingMore(t *testing.T) {
	t.Parallel()
	m, err := plan.Scan(t.Context(), []string{check.Folder(t, map[string]string{"1": strings.Repeat("word ", 1<<20)})}, "", plan.Options{})
	check.Must(t, err)
	s := plan.New(m, plan.Options{}).Splits()[0]
	kill, end := context.WithCancel(t.Context())
	r := &reading{Reader: new(input.Reader), progress: new(claim.Reads), kill: kill}
	check.Must(t, r.Open(t.Context(), s.File, s.Off, s.Off+s.Len))
	defer r.Close()
	var f combine.File = r
	some := make([]byte, 100)
	n, err := f.ReadAt(some, 0)
	check.Must(t, errors.Join(err, f.Step()))
	if n == 0 {
		t.Error("it reads nothing")
	}
	end()
	n, readErr := f.ReadAt(some, 0)
	_, compressionErr := f.Compression()
	for what, err := range map[string]error{"read": readErr, "compression": compressionErr, "step": f.Step()} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n > 0 {
		t.Errorf("it read %d bytes", n)
	}
}
