package report

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/magereduce/magereduce/pkg/report/reporttest"
	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

var (
	shots = flag.String("shots", "", "folder for pictures of the page, of each width and colour")
	shown = flag.String("page", "", "a page to take the pictures of, instead of the test's own")
)

// browser is a real browser without a window. Complaints are what its console says.
type browser struct {
	t          *testing.T
	ctx        context.Context
	mu         sync.Mutex
	complaints []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(check.Limit), chromedp.NoSandbox) // as root it has no other way
	allocated, release := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(release)
	ctx, closeAll := chromedp.NewContext(allocated)
	t.Cleanup(closeAll)
	ctx, cancel := context.WithTimeout(ctx, 2*check.Limit)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	check.Must(t, chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch name := fmt.Sprintf("%T", ev); {
		case strings.Contains(name, "ExceptionThrown"), strings.Contains(name, "ConsoleAPICalled"), strings.Contains(name, "EntryAdded"):
			text, _ := json.Marshal(ev)
			b.complaints = append(b.complaints, name+string(text))
		}
	}))
	b.do(asked(log.Enable, cdp.Empty{}), asked(runtime.Enable, cdp.Empty{}))
	return b
}

// action is something that a browser does.
type action = chromedp.Action[chromedp.Void]

// asked is a command of the browser's own.
func asked[P any](command cdp.Command[P, cdp.Empty], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (b *browser) do(actions ...action) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// is fails the test if an expression has another value.
func (b *browser) is(expression string, want any) {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](expression))
	check.Must(b.t, err)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("%s is %v, not %v", expression, got, want)
	}
}

// becomes waits until an expression is true.
func (b *browser) becomes(expression string) {
	b.t.Helper()
	b.do(chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(check.Limit)))
}

func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		b.t.Errorf("the browser complains: %q", b.complaints)
	}
}

// screen is a size and a colour scheme of a screen.
func screen(width int64, scheme string) action {
	return chromedp.Steps(
		asked(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1}),
		asked(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
	)
}

// saved writes a page to a file, and returns its address.
func saved(t *testing.T, r timeline.Run, words []Word) string {
	t.Helper()
	var page bytes.Buffer
	check.Must(t, Write(&page, r, words))
	path := filepath.Join(t.TempDir(), "report.html")
	check.Must(t, os.WriteFile(path, page.Bytes(), 0o600))
	return "file://" + path
}

func TestTheBrowserShowsWhatTheEventsSay(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	r := timeline.Of(reporttest.Story())
	address := saved(t, r, hostile)
	b.do(screen(1280, "light"), chromedp.Navigate(address))
	count := func(selector string) string { return fmt.Sprintf("document.querySelectorAll(%q).length", selector) }
	b.is(count(".lane[id^=lane-]"), len(r.Lanes))
	marks, drawn := map[timeline.Kind]int{}, drawing{r}
	for _, m := range r.Marks {
		marks[m.Kind]++
	}
	for _, kind := range []timeline.Kind{
		timeline.Death, timeline.Theft, timeline.Revocation, timeline.Checkpoint, timeline.Restart, timeline.Supervisor,
	} {
		if marks[kind] == 0 {
			t.Errorf("the story has no %s", kind)
		}
		b.is(count(".track .mark."+string(kind)), marks[kind])
	}
	for _, o := range []timeline.Outcome{timeline.Committed, timeline.Elsewhere, timeline.Lost, timeline.Revoked} {
		bars := 0
		for _, l := range r.Lanes {
			for _, bar := range drawn.bars(l) {
				if bar.Outcome == o {
					bars++
				}
			}
		}
		if bars == 0 {
			t.Errorf("the story has nothing %s", o)
		}
		b.is(count(".bar."+string(o)), bars)
	}
	// What is hostile is text.
	b.is(count("script"), 1)
	b.is(count("main img, main b[onclick]"), 0)
	b.is(`document.querySelector(".words bdi").textContent`, hostile[0].Word)
	b.is("window.owned === undefined", true)
	// Nobody needs a mouse.
	b.do(chromedp.Focus(chromedp.CSS("#lane-1 svg.track")), chromedp.KeyEvent(kb.ArrowRight))
	b.is(`document.getElementById("tip").hidden`, false)
	b.is(`document.getElementById("tip").textContent === document.activeElement.dataset.tip`, true)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.is(`document.getElementById("tip").hidden`, true)
	b.is(`[...document.querySelectorAll("svg.track [data-tip]")].every(e => e.getAttribute("aria-label"))`, true)
	for _, width := range []int64{390, 1280, 1920} {
		b.do(screen(width, "dark"))
		b.is("document.documentElement.scrollWidth", width)
	}
	if *shots != "" {
		b.pictures(address)
	}
	b.quiet()
	b.do(chromedp.Evaluate[chromedp.Void](`console.error("heard")`))
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) == 0 {
		t.Error("nobody hears what the console says")
	}
}

func TestTheBrowserFollowsAJobThatRuns(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	all := reporttest.Story()
	var mu sync.Mutex
	so := 4
	live, err := Listen(func() (timeline.Run, []Word, error) {
		mu.Lock()
		defer mu.Unlock()
		return timeline.Of(all[:so]), nil, nil
	})
	check.Must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- live.Serve(ctx) }()
	b.do(chromedp.Navigate(live.URL()))
	b.is(`document.querySelectorAll(".mark.death[tabindex]").length`, 0)
	mu.Lock()
	so = len(all)
	mu.Unlock()
	b.becomes(`document.querySelectorAll(".mark.death[tabindex]").length === 1`)
	b.becomes(`document.querySelector(".state.sealed") !== null`)
	b.is(`document.querySelector("svg.track [data-tip]") !== null`, true)
	b.quiet()
	stop()
	check.Must(t, <-served)
}

// pictures takes pictures of a page, for people to look at.
func (b *browser) pictures(address string) {
	b.t.Helper()
	if *shown != "" {
		address = "file://" + *shown
	}
	for _, width := range []int64{390, 1280, 1920} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(screen(width, scheme), chromedp.Navigate(address))
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			check.Must(b.t, err)
			check.Must(b.t, os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%d-%s.png", width, scheme)), png, 0o600))
		}
	}
}

var hostile = []Word{
	{`<script>window.owned=1</script>`, 621764}, {`</style><img src=x onerror=window.owned=1>`, 403286}, {"\u202eegami", 296915},
	{`" onclick="window.owned=1`, 233648}, {"{{.}}", 1000}, {strings.Repeat("long", 100), 500}, {"\xff\x00", 3}, {"the", 1},
}
