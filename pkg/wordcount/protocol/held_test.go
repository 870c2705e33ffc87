package protocol_test

import (
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestHeldTasksHaveTheirOwnersAndTheAgesOfTheirLeases(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "dead", 1)
	_, err := h.Client.Release(t.Context(), h.Run, "dead", true)
	check.Must(t, err)
	h.Take("map", "living", 2)
	held, err := h.Client.HeldTasks(t.Context(), 10)
	check.Must(t, err)
	if len(held) != 3 {
		t.Fatalf("held are %+v", held)
	}
	for i, task := range held {
		want := protocol.Held{Task: protocol.TaskID{Stream: protocol.Maps, Number: i + 1}, Consumer: "living", Age: task.Age}
		if i == 0 {
			want.Consumer, want.Released = "dead", true
		}
		if task != want || !task.Released && task.Age > time.Minute {
			t.Errorf("held is %+v, want %+v", task, want)
		}
	}
	if few, err := h.Client.HeldTasks(t.Context(), 1); err != nil || len(few) != 1 {
		t.Errorf("of one at most: %+v, %v", few, err)
	}
	gone := h.Client
	gone.Job.ID = "fedcba9876543210"
	if all, err := gone.HeldTasks(t.Context(), 1); err == nil {
		t.Errorf("of no job: %+v", all)
	}
}
