package protocol

import (
	"errors"
	"strings"
	"testing"
)

func TestOutputsCoverAJobIfTheyHaveEachTaskOnce(t *testing.T) {
	for _, c := range []struct {
		tasks string // of the outputs, with a space between
		maps  int
		says  string // "": they do
	}{
		{"", 0, ""},
		{"1", 1, ""},
		{"1-3", 3, ""},
		{"2,4-5 1,3", 5, ""},
		{"3-4 1-2", 4, ""},
		{"", 2, "task 1 was not committed"},
		{"1,3", 3, "task 2 was not committed"},
		{"1-2", 3, "task 3 was not committed"},
		{"1-2 2-3", 3, "task 2 was committed twice"},
		{"1-2,2", 2, "task 2 was committed twice"},
		{"1-4", 3, `"1-4" were committed`},
		{"0-3", 3, `"0-3" were committed`},
		{"1-999999999999999999999", 3, "were committed"},
		{"1-999999999999", 3, "were committed"},
		{"1,", 1, `"1," were committed`},
		{"one", 1, `"one" were committed`},
		{"3-1", 3, `"3-1" were committed`},
		{"1", 1 << 60, "tasks"},
		{"1", -1, "-1 tasks"},
	} {
		var outputs []Output
		for _, tasks := range strings.Fields(c.tasks) {
			outputs = append(outputs, Output{Tasks: tasks})
		}
		err := Covered(outputs, c.maps)
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q of %d tasks: %v", c.tasks, c.maps, err)
		}
	}
}
