package show

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// drawn returns the lines that a terminal shows after it was written to. It knows what a watch
// writes, and nothing else.
func drawn(t *testing.T, written string) (lines []string) {
	t.Helper()
	row := 0
	for _, part := range regexp.MustCompile(`\x1b\[\d*[A-Z]|[\r\n]|[^\x1b\r\n]+`).FindAllString(written, -1) {
		var up int
		switch n, _ := fmt.Sscanf(part, "\x1b[%dA", &up); {
		case n == 1:
			if row -= up; row < 0 {
				t.Fatal("it goes above the top")
			}
		case part == "\n":
			row++
		case part == "\x1b[J":
			lines = lines[:row]
		case part != "\r" && part != "\x1b[K":
			for row >= len(lines) {
				lines = append(lines, "")
			}
			lines[row] = part
		}
	}
	return lines
}

// looks returns statuses one after the other, with a growing number of workers' bytes.
func looks(statuses ...Status) func() (Status, error) {
	i := -1
	return func() (Status, error) {
		i++
		return statuses[min(i, len(statuses)-1)], nil
	}
}

func fleetAt(phase string, bytes ...int64) Status {
	st := Status{Job: "0123456789abcdef", Phase: phase, Buried: []buriedReport{}}
	for i, n := range bytes {
		st.Workers = append(st.Workers, workerReport{ID: fmt.Sprint(i), PID: i, Host: "alpha", State: "working", Bytes: n})
	}
	st.Hosts = hostsOf(st.Workers)
	return st
}

func TestAWatchRefreshesInPlaceUntilTheJobIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		columns := 80
		w := &watch{out: &out, size: func() (int, int, error) { return columns, 24, nil }}
		sealed := fleetAt("sealed")
		look := looks(fleetAt("map", 0, 5<<20), fleetAt("map", 3<<20, 5<<20, 1<<20), fleetAt("map", 3<<20), sealed)
		check.Must(t, w.run(t.Context(), func() (Status, error) {
			if out.Len() > 0 && strings.Contains(out.String(), "3.0 MiB/s") {
				columns = 20 // somebody makes the window smaller
			}
			return look()
		}))
		for _, want := range []string{"3.0 MiB/s", "1.0 MiB/s", "0 B/s"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no rate of %s in\n%q", want, &out)
			}
		}
		var last bytes.Buffer
		sealed.Text(&last)
		var want []string
		for line := range strings.Lines(last.String()) {
			want = append(want, fit(strings.TrimSuffix(line, "\n"), 19))
		}
		if got := drawn(t, out.String()); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("left is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAWatchIsNeverHigherThanTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := &watch{out: &out, size: func() (int, int, error) { return 80, 8, nil }}
		check.Must(t, w.run(t.Context(), looks(fleetAt("map", 1, 2, 3, 4, 5, 6, 7), fleetAt("sealed", 1, 2, 3, 4, 5, 6, 7))))
		lines := drawn(t, out.String())
		if len(lines) != 7 || lines[6] != "…" || !strings.HasSuffix(lines[0], "sealed") {
			t.Errorf("it draws\n%s", strings.Join(lines, "\n"))
		}
	})
}

func TestAWatchInJSONIsALineForEachLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := &watch{out: &out, inJSON: true}
		check.Must(t, w.run(t.Context(), looks(fleetAt("map", 1), fleetAt("reduce", 2), fleetAt("sealed"))))
		var phases []string
		for line := range strings.Lines(out.String()) {
			var st Status
			check.Must(t, json.Unmarshal([]byte(line), &st))
			phases = append(phases, st.Phase)
		}
		if got := strings.Join(phases, " "); got != "map reduce sealed" {
			t.Errorf("the phases are %s", got)
		}
	})
}

func TestAWatchOutlastsRedisAndSaysThatItDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, n := &watch{out: &out}, 0
		check.Must(t, w.run(t.Context(), func() (Status, error) {
			switch n++; n {
			case 1:
				return fleetAt("map", 1), nil
			case 2:
				return Status{}, io.EOF
			}
			return fleetAt("sealed"), nil
		}))
		blocks := strings.Split(out.String(), "job      ")
		if len(blocks) != 4 || !strings.Contains(blocks[2], "  map\n") || !strings.Contains(blocks[2], "\nredis doesn't answer: EOF\n") {
			t.Errorf("it says\n%s", &out)
		}
	})
}

func TestAWatchEndsWithWhatEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		w := &watch{out: io.Discard}
		check.Must(t, w.run(ctx, func() (Status, error) {
			leave()
			return fleetAt("map"), nil
		}))
		final := errors.New("no such job")
		if err := w.run(t.Context(), func() (Status, error) { return Status{}, final }); !errors.Is(err, final) {
			t.Errorf("it returns %v", err)
		}
		if err := w.run(t.Context(), func() (Status, error) { return Status{}, io.EOF }); !errors.Is(err, io.EOF) {
			t.Errorf("without a first status it returns %v", err)
		}
	})
}
