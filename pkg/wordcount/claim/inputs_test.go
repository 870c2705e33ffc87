package claim

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault78AHostLooksAtInputsFromAllOverTheJobBeforeItJoins(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, o := range []plan.Options{{WholeFiles: true}, {Split: 100}, {}} {
		h := wordcounttest.NewOn(t, server, check.Texts(40, 10), o)
		client := h.Client
		trust := plan.TrustIn(h.Plan.Manifest.Inputs, "")
		trust.Joined = true
		check.Must(t, CheckInputs(t.Context(), client, trust))
		tasks, err := sample(t.Context(), client, inputsLookedAt)
		check.Must(t, err)
		if n := len(tasks); n != inputsLookedAt || tasks[0].Number != 1 || tasks[n-1].Number < len(h.Splits)*(n-1)/n {
			t.Errorf("looked at %d of %d tasks, the last is %d", n, len(h.Splits), tasks[n-1].Number)
		}
		for _, task := range tasks[len(tasks)-3:] {
			f := task.Split.File
			check.Must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(1, 0)))
			check.IsError(t, CheckInputs(t.Context(), client, trust), protocol.ErrInput, strconv.Quote(f.Path), "should have ", input.TimeText(f.MTime), "1970-01-01 00:00:01Z")
			check.Must(t, os.Chtimes(f.Path, time.Time{}, time.Unix(0, f.MTime)))
			check.Must(t, os.Rename(f.Path, f.Path+"'"))
			check.IsError(t, CheckInputs(t.Context(), client, trust), protocol.ErrInput, strconv.Quote(f.Path), "no such file")
			check.Must(t, os.Rename(f.Path+"'", f.Path))
		}
		if st := h.Status(); st.Pending() != 0 || st.Mapped != 0 {
			t.Errorf("something was claimed: %+v", st)
		}
	}
}
