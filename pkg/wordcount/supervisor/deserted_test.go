package supervisor

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobIsDesertedWhenNobodyHoldsALease(t *testing.T) {
	t.Parallel()
	j := wordcounttest.NewOn(t, redistest.Start(t), wordcounttest.Files(), plan.Options{WholeFiles: true, Reducers: 2})
	s := New(Config{Redis: j.Client.Redis, Plan: j.Plan})
	held := func(want bool) {
		t.Helper()
		got, err := s.held(t.Context(), time.Hour)
		check.Must(t, err)
		if got != want {
			t.Errorf("held is %v", got)
		}
	}
	release := func() {
		t.Helper()
		_, err := j.Client.Release(t.Context(), j.Run, "elsewhere", false)
		check.Must(t, err)
	}
	held(false)
	j.Take(protocol.Maps, "elsewhere", 1)
	held(true)
	release()
	held(false)
	check.Must(t, s.Deserted(t.Context(), time.Millisecond))
	for _, task := range j.Steal(protocol.Maps, "elsewhere") {
		j.MustCommit(task)
	}
	j.Take(protocol.Maps, "elsewhere", 2)
	j.MustCommit(2, 3)
	held(false)
	j.Take(protocol.Reduces, "elsewhere", 1)
	held(true)
	release()
	held(false)
}
