package show

import (
	"fmt"
	"strings"
	"testing"
)

func TestAStatusNamesTheInputAndAFewOfTheTasksThatWereGivenUp(t *testing.T) {
	status := Status{Job: "1f", Phase: "map", Inputs: []string{"/var/log"}, Bytes: 1 << 20, Total: 4 << 20}
	for i := range 1012 {
		status.Buried = append(status.Buried, buriedReport{Error: "gone", what: fmt.Sprintf("map %d", i+1)})
	}
	var text strings.Builder
	status.Text(&text)
	lines := strings.Split(text.String(), "\n")
	if lines[2] != `input    1.0 MiB of 4.0 MiB in "/var/log"` {
		t.Errorf("it names the input as %s", lines[2])
	}
	if got, want := lines[4:], append(listed(10), "given up 1,002 more: status -json lists all", ""); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("of the tasks that were given up it says\n%s", strings.Join(got, "\n"))
	}

	text.Reset()
	status.Buried = status.Buried[:10]
	status.Text(&text)
	if !strings.HasSuffix(text.String(), "given up map 10: gone\n") {
		t.Errorf("it says\n%s", &text)
	}
}

func listed(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("given up map %d: gone", i+1))
	}
	return lines
}
