package report

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/reporttest"
	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAPageSaysWhoDidATaskForGood(t *testing.T) {
	t.Parallel()
	said := 0
	reasons, _ := drawing{timeline.Of(reporttest.Story())}.inVain()
	for _, g := range reasons {
		if g.Why == "a rollback of Redis took its commit back" {
			said++
			if len(g.Rows) != 1 || g.Rows[0].Again != "worker 2, at 0.82 s" {
				t.Errorf("%+v", g)
			}
		}
	}
	if said != 1 {
		t.Errorf("%d reasons are a rollback", said)
	}
}

func TestAPageOfAnyJournalCanBeDrawn(t *testing.T) {
	t.Parallel()
	all := reporttest.Story()
	ages := []event.Record{{Name: event.Begin}, all[0]} // further apart than a time.Duration can say
	for _, some := range [][]event.Record{nil, all[:1], all[:7], all[5:], all[20:21], ages} {
		for _, live := range []bool{false, true} {
			text := whole(viewOf(timeline.Of(some), nil, live))
			for _, wrong := range []string{"NaN", "Inf", "%!", "<nil>"} {
				if strings.Contains(text, wrong) {
					t.Errorf("%s is in the page of %d events", wrong, len(some))
				}
			}
		}
	}
}

func TestAVeryLongRunIsAPageOfBoundedSize(t *testing.T) {
	t.Parallel()
	all := []event.Record{reporttest.Story()[0]}
	for i := range 40_000 {
		r := event.Record{Time: reporttest.Moment(i), Name: event.Attempt}
		r.Worker, r.Stream, r.Tasks = fmt.Sprintf("host-%026d", i%100), "map", strconv.Itoa(i+1)
		all = append(all, r)
		if i%10 == 0 {
			r.Name = event.Steal
			all = append(all, r)
		}
	}
	var b bytes.Buffer
	check.Must(t, Write(&b, timeline.Of(all), nil))
	if b.Len() > 12<<20 {
		t.Errorf("the page has %d bytes", b.Len())
	}
	if !strings.Contains(b.String(), "36 more workers are not drawn.") {
		t.Error("the page doesn't say what it leaves out")
	}
}

// luminance is the relative luminance of a colour, as WCAG defines it.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) == 4 {
		colour = "#" + strings.Repeat(colour[1:2], 2) + strings.Repeat(colour[2:3], 2) + strings.Repeat(colour[3:4], 2)
	}
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	check.Must(t, err)
	channel := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}

func TestTheColoursHaveEnoughContrast(t *testing.T) {
	t.Parallel()
	light, dark, _ := strings.Cut(pageCSS, "@media (prefers-color-scheme: dark)")
	dark, _, _ = strings.Cut(dark, "* {")
	variable := regexp.MustCompile(`--([a-z]+): (#[0-9a-f]+);`)
	for name, css := range map[string]string{"light": light, "dark": dark} {
		of := map[string]float64{}
		for _, m := range variable.FindAllStringSubmatch(css, -1) {
			of[m[1]] = luminance(t, m[2])
		}
		ratio := func(a, b string) float64 {
			return (max(of[a], of[b]) + 0.05) / (min(of[a], of[b]) + 0.05)
		}
		for _, c := range []struct {
			on, least string
			colours   []string
		}{
			{"card", "4.5", []string{"ink", "soft", "open"}}, {"bg", "4.5", []string{"ink", "soft", "open", "lost"}},
			{"goodbg", "4.5", []string{"good", "ink"}}, {"badbg", "4.5", []string{"lost", "ink"}}, {"runbg", "4.5", []string{"open", "ink"}},
			{"card", "3", []string{"committed", "reduce", "elsewhere", "lost", "revoked", "open", "seal", "seed", "mark"}},
		} {
			least, err := strconv.ParseFloat(c.least, 64)
			check.Must(t, err)
			for _, colour := range c.colours {
				if of[colour] == 0 && of[c.on] == 0 {
					t.Fatalf("%s: no colour %s", name, colour)
				}
				if got := ratio(colour, c.on); got < least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, and needs %s", name, colour, c.on, got, c.least)
				}
			}
		}
	}
}
