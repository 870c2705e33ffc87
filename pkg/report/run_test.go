package report

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// told is what a run says of its attempts, and of its marks.
func told(r Run) (attempts, marks []string) {
	for _, l := range r.Lanes {
		for _, a := range l.Attempts {
			attempts = append(attempts, fmt.Sprintf("%d: %s %s %s", l.Number, a.Stream, a.Tasks, a.Outcome))
		}
	}
	for _, m := range r.Marks {
		lane := 0
		if m.Lane != nil {
			lane = m.Lane.Number
		}
		marks = append(marks, fmt.Sprintf("%d: %s", lane, m.Kind))
	}
	return attempts, marks
}

func TestARunSaysWhatBecameOfEachAttempt(t *testing.T) {
	t.Parallel()
	r := Of(story())
	attempts, marks := told(r)
	want := []string{
		"1: map 1 committed", "1: map 4 lost", "1: map 4 committed", "1: map 5 committed", "1: reduce 1-2 lost", "1: reduce 1-2 committed",
		"2: map 2 committed", "2: map 3 lost", "2: map 3 committed", "2: map 5-6 elsewhere", "2: map 6 revoked", "2: map 6 committed",
	}
	if !reflect.DeepEqual(attempts, want) {
		t.Errorf("%q", attempts)
	}
	if want := []string{"0: checkpoint", "1: death", "1: steal", "0: restart", "0: supervisor", "1: revoke"}; !reflect.DeepEqual(marks, want) {
		t.Errorf("%q", marks)
	}
	if r.State != Sealed || len(r.Lanes) != 2 || len(r.Lanes[0].Lives) != 2 {
		t.Errorf("%s, %d lanes", r.State, len(r.Lanes))
	}
	for _, m := range r.Marks {
		if m.Kind == Theft && m.Text != "worker 1 (process 103) took map task 4 of worker 1 (process 101)" {
			t.Errorf("%q", m.Text)
		}
	}
	for _, g := range r.inVain() {
		if g.Why == rolledBack && (len(g.Rows) != 1 || g.Rows[0].Again != "worker 2, at 0.82 s") {
			t.Errorf("%+v", g)
		}
	}
}

func TestARunThatIsNotOverHasItsWorkInHand(t *testing.T) {
	t.Parallel()
	var some []event.Record
	for _, r := range story() {
		if !r.Time.After(moment(350)) {
			some = append(some, r)
		}
	}
	r := Of(some)
	attempts, _ := told(r)
	if want := []string{"1: map 1 open", "2: map 2 committed", "2: map 3 open"}; r.State != Running || !reflect.DeepEqual(attempts, want) {
		t.Errorf("%s: %q", r.State, attempts)
	}
	if r := Of(nil); !r.From.IsZero() || len(r.Lanes) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestACommitWhoseAnswerIsUnknownCountsIfTheJobHasIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Outcome{"six again": Committed, "another": Lost} {
		all := story()
		for i, r := range all {
			if r.Name == event.Outputs {
				all[i].Names[5] = name
			}
		}
		last := Of(all).Lanes[1].Attempts
		if got := last[len(last)-1].Outcome; got != want {
			t.Errorf("with the output %q the attempt is %s, not %s", name, got, want)
		}
	}
}

func TestAPageOfAnyJournalCanBeDrawn(t *testing.T) {
	t.Parallel()
	all := story()
	ages := []event.Record{{Name: event.Begin}, all[0]} // further apart than a time.Duration can say
	for _, some := range [][]event.Record{nil, all[:1], all[:7], all[5:], all[20:21], ages} {
		for _, live := range []bool{false, true} {
			text := whole(viewOf(Of(some), nil, live))
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
	all := []event.Record{story()[0]}
	for i := range 40_000 {
		r := event.Record{Time: moment(i), Name: event.Attempt}
		r.Worker, r.Stream, r.Tasks = fmt.Sprintf("host-%026d", i%100), "map", strconv.Itoa(i+1)
		all = append(all, r)
		if i%10 == 0 {
			r.Name = event.Steal
			all = append(all, r)
		}
	}
	var b bytes.Buffer
	check.Must(t, Write(&b, Of(all), nil))
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
