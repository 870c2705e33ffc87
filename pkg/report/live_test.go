package report

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/reporttest"
	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// serving is a page that is served until the test ends. wait ends it, and returns its error.
func serving(t *testing.T, look func() (timeline.Run, []Word, error)) (live *Live, wait func() error) {
	t.Helper()
	live, err := Listen(look)
	check.Must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- live.Serve(ctx) }()
	wait = func() error {
		stop()
		err := <-served
		served <- err
		return err
	}
	t.Cleanup(func() { wait() })
	return live, wait
}

func get(t *testing.T, method, url, host string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check.Must(t, err)
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	check.Must(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestNobodyWithoutTheTokenSeesThePage(t *testing.T) {
	t.Parallel()
	live, wait := serving(t, func() (timeline.Run, []Word, error) { return timeline.Of(reporttest.Story()), nil, nil })
	root := strings.TrimSuffix(live.URL(), live.token+"/")
	for _, c := range []struct {
		method, url, host string
		status            int
	}{
		{"GET", live.URL(), "", 200},
		{"POST", live.URL(), "", 405},
		{"GET", root, "", 404},
		{"GET", root + strings.Repeat("A", len(live.token)) + "/", "", 404},
		{"GET", root + live.token[1:] + "/", "", 404},
		{"GET", root + strings.ToLower(live.token) + "/events", "", 404},
		{"GET", live.URL() + "other", "", 404},
		{"GET", live.URL(), "rebound.example", 404},
	} {
		answer := get(t, c.method, c.url, c.host)
		body, err := io.ReadAll(answer.Body)
		check.Must(t, err)
		if answer.StatusCode != c.status || c.status != 200 && strings.Contains(string(body), "0123456789abcdef") {
			t.Errorf("%s %s (%s) is answered with %d", c.method, c.url, c.host, answer.StatusCode)
		}
		if answer.Header.Get("Referrer-Policy") != "no-referrer" || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", answer.Header)
		}
	}
	if !strings.HasPrefix(root, "http://127.0.0.1:") {
		t.Errorf("the page is at %s", root)
	}
	check.Must(t, wait())
}

func TestThePageIsSentAnewWhenSomethingHasHappened(t *testing.T) {
	t.Parallel()
	var all atomic.Bool
	live, wait := serving(t, func() (timeline.Run, []Word, error) {
		if all.Load() {
			return timeline.Of(reporttest.Story()), hostile, nil
		}
		return timeline.Of(reporttest.Story()[:3]), nil, nil
	})
	lines := bufio.NewScanner(get(t, "GET", live.URL()+"events", "").Body)
	lines.Buffer(nil, 1<<20)
	events := 0
	for lines.Scan() {
		line := lines.Text()
		if line != "" && !strings.HasPrefix(line, "data: ") {
			t.Fatalf("%q is no line of an event", line)
		}
		if strings.Contains(line, "<b>Running</b>") {
			all.Store(true)
		}
		if line == "" {
			if events++; events == 2 {
				break
			}
		}
	}
	if events != 2 {
		t.Errorf("%d events came, %v", events, lines.Err())
	}
	check.Must(t, wait())
}

func TestALookThatFailsEndsThePage(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var after atomic.Int32
	live, err := Listen(func() (timeline.Run, []Word, error) {
		if after.Add(1) > 2 {
			return timeline.Run{}, nil, broken
		}
		return timeline.Run{}, nil, nil
	})
	check.Must(t, err)
	check.IsError(t, live.Serve(t.Context()), broken)
}
