package check_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
	checker "github.com/magereduce/magereduce/pkg/wordcount/history/check"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// written reads a history that was written by hand. A line is a call: its name, its arguments,
// "+n" for n more, an arrow, and its answer in JSON; or "!" and why it was refused; or "lost", or
// "open". Calls happen one after the other, but one whose line begins with "&" overlaps with the
// next one.
func written(t *testing.T, text string) (calls []*history.Call) {
	t.Helper()
	at := int64(0)
	for line := range strings.Lines(text) {
		line, overlaps := strings.CutPrefix(strings.TrimSpace(line), "& ")
		if line == "" {
			continue
		}
		at += 10
		said, answer, _ := strings.Cut(line, " → ")
		words := strings.Fields(said)
		c := &history.Call{Process: "p", N: len(calls) + 1, Name: words[0], Job: "job", Start: at, End: at + 5}
		for _, arg := range words[1:] {
			if n, err := fmt.Sscanf(arg, "+%d", &c.More); n == 0 || err != nil {
				c.Args = append(c.Args, arg)
			}
		}
		if overlaps {
			c.End += 10
		}
		if c.Name == history.Restart {
			c.Job = ""
		}
		switch {
		case answer == "open":
			c.End = 0
		case answer == "lost":
			c.Lost = "EOF"
		case strings.HasPrefix(answer, "!"):
			c.Refused = answer[1:]
		case answer != "":
			check.Must(t, json.Unmarshal([]byte(answer), &c.Answer))
		}
		calls = append(calls, c)
	}
	return calls
}

// A job of two maps and one partition, at three moments.
const (
	seeded = `
		seed R 2 1 0 store words 1 +4 → ["R", 2, "store", "map"]
		read w new 2 map → ["map 1", "map 2"]
	`
	mapped = seeded + `
		commit R 2 1 2 20 200 A host - → ["committed"]
		read w new 1 reduce → ["reduce 1"]
	`
	done = mapped + `
		outputs R → [2, ["A", "20 200 1-2 host -"]]
		put R N 1 0 0 5 1 20 → ["committed"]
		final R F → ["F", 2, 1, 20, 200, 20]
	`
)

func TestWhatTheProtocolAllowsIsAllowed(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"a job": done + `
			result F 0 10 → 5
			sealed R F
			dismiss F → "OK"
			meta run phase maps dismissed → ["R", "done", "2", "F"]
			discard F 0 - → "OK"`,
		"a commit that is repeated": mapped + `commit R 2 1 2 20 200 A host - → ["refused", "settled", "settled"]`,
		"a commit that took effect without an answer": seeded + `
			commit R 1 1 10 100 A host - → lost
			commit R 2 1 2 20 200 B host - → ["refused", "settled", "pending"]`,
		"one that never did": seeded + `
			commit R 1 1 10 100 A host - → open
			commit R 2 1 2 20 200 B host - → ["committed"]`,
		"one that takes effect long after its client has given up": seeded + `
			commit R 2 1 2 20 200 A host - → lost
			pending map 10 → [["map 1", "w"], ["map 2", "w"]]
			outputs R → [2, ["A", "20 200 1-2 host -"]]`,
		"a read without an answer": `
			seed R 2 1 0 store words 1 +4 → ["R", 2, "store", "map"]
			read dead new 1 map → open
			steal w map → ["map 1"]
			read w new 9 map → ["map 2"]`,
		"an order that isn't that of the beginnings": `
			seed R 2 1 0 store words 1 +4 → ["R", 2, "store", "map"]
			& commit R 1 1 10 100 A host - → ["committed"]
			read w new 2 map → ["map 1", "map 2"]`,
		"a rollback": mapped + `
			restart → true
			seed R 2 1 0 store words 1 +0 → ["R", 2, "store", "map"]
			read v new 2 map → ["map 1", "map 2"]
			commit R 2 1 2 20 200 A host - → ["committed"]
			restart → true
			commit R 2 1 2 20 200 B host - → ["refused", "settled", "settled"]`,
		"a rollback to a lost commit, and to nothing": seeded + `
			commit R 2 1 2 20 200 A host - → lost
			restart → true
			outputs R → [2, ["A", "20 200 1-2 host -"]]
			restart → true
			status → !WCNOJOB no such job`,
		"a server that somebody began to start": mapped + `
			restart → open
			read v new 2 map → ["map 1", "map 2"]`,
		"a revoke": mapped + `
			revoke R A host why 3 → "revoked"
			steal v map → ["map 1", "map 2"]
			commit R 2 1 2 20 200 B host - → ["committed"]
			revoke R A host why 3 → "nothing"
			outputs R → [2, ["B", "20 200 1-2 host -"]]`,
		"a burial": seeded + `
			fail R map 1 token 1 why → "buried"
			requeue R → 1
			steal v map → ["map 1"]`,
		"another run": seeded + `
			clean R → 5
			seed S 2 1 0 store words 1 +4 → ["S", 2, "store", "map"]
			commit R 2 1 2 20 200 A host - → !WCRUN the job belongs to run S`,
		"keys that expired": done + `
			discard F 60 - → "OK"
			result F 0 10 → !WCNOJOB no such job`,
		"a fence that is adopted": done + `final R G → ["F", 2, 1, 20, 200, 20]`,
	} {
		verdict, err := checker.Calls(written(t, text), time.Minute)
		if err != nil || len(verdict.Undecided) > 0 {
			t.Errorf("%s: %v, %v", what, verdict, err)
		}
	}
}

func TestWhatTheProtocolForbidsIsFound(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ text, report string }{
		"a task that is committed twice": {mapped + `commit R 1 1 10 100 B host - → ["committed"]`,
			"map task 1 of job job\n" + "…settled (A) in run R\n…commit R 1 1 10 100 B host - → [\"committed\"]"},
		"outputs that lack a task":   {mapped + `outputs R → [2, ["A", "10 100 1 host -"]]`, "committed with other contents"},
		"outputs of another commit":  {mapped + `outputs R → [2, ["B", "20 200 1-2 host -"]]`, "settled (A)…outputs R"},
		"outputs without a commit":   {seeded + `outputs R → [2, ["A", "20 200 1-2 host -"]]`, "pending (w)…outputs R"},
		"a task in two outputs":      {mapped + `outputs R → [2, ["A", "20 200 1-2 host -", "B", "10 100 2 host -"]]`, "map task 2 is in the outputs"},
		"one delivery for two":       {seeded + `read v new 1 map → ["map 1"]`, "pending (w)…read v new 1 map"},
		"a theft of what nobody has": {mapped + `steal v map → ["map 1"]`, "settled (A)…steal v map"},
		"a lease of somebody else": {seeded + `
			steal v map → ["map 1"]
			renew R w map 1 → 1`, "pending (v)…renew R w map 1 → 1"},
		"a task that is refused although it is pending": {seeded + `commit R 1 1 10 100 A host - → ["refused", "settled"]`, "pending (w)…commit R"},
		"a loss without a restart":                      {mapped + `read v new 2 map → ["map 1", "map 2"]`, "settled (A)…read v"},
		"a restart to a state that never was": {mapped + `
			restart → true
			outputs R → [2, ["B", "20 200 1-2 host -"]]`, "outputs R"},
		"a lost call that a dead server has run": {seeded + `
			commit R 2 1 2 20 200 A host - → lost
			restart → true
			pending map 10 → [["map 1", "w"], ["map 2", "w"]]
			outputs R → [2, ["A", "20 200 1-2 host -"]]`, "pending (w)…outputs R"},
		"a gap":                            {`seed R 2 1 0 store 2 +2 → ["R", 2, "store", "map"]`, "map task 1"},
		"a run for two":                    {`seed R 2 1 0 store words 1 +4 → ["R", 2, "store", "map"]` + "\n" + `seed S 2 1 0 store words 1 +4 → ["S", 2, "store", "map"]`, "run R"},
		"a call of another run":            {seeded + `commit S 2 1 2 20 200 A host - → ["committed"]`, "run R…commit S"},
		"two fences":                       {done + `final R G → ["G", 2, 1, 20, 200, 20]`, `fence "F"…final R G`},
		"a read under a foreign fence":     {done + `result G 0 10 → 5`, `fence "F"…result G`},
		"a fence that falls":               {done + `result F 0 10 → !WCFINAL the result is not fenced by this caller any more`, `fence "F"…result F`},
		"a fence that nobody gave out":     {done + `sealed R G`, "never given out"},
		"a fence while a task is open":     {seeded + `final R F → ["F", 2, 1, 20, 200, 20]`, "final R F"},
		"a partition that is stored twice": {done + `put R M 1 0 0 5 1 20 → ["committed"]`, "put R M"},
		"totals that don't join on": {mapped + `
			put R N 1 0 0 5 0 20 → ["at", 5]
			put R N 1 0 3 5 1 20 → ["committed"]`, "attempt N of job job…at 5…put R N 1 0 3"},
		"tokens that don't add up": {mapped + `
			outputs R → [2, ["A", "20 200 1-2 host -"]]
			put R N 1 0 0 5 1 20 → ["committed"]
			final R F → ["F", 2, 1, 30, 200, 30]`, "comes to"},
		"a name with other tasks": {seeded + `
			commit R 1 1 10 100 A host - → ["committed"]
			commit R 1 2 10 100 A host - → ["committed"]`, "other contents before"},
		"a task twice in a commit": {seeded + `commit R 2 1 1 20 200 A host - → ["committed"]`, "ascending"},
		"a revoke of what was revoked": {mapped + `
			revoke R A host why 3 → "revoked"
			revoke R A host why 3 → "revoked"`, "revoke R A"},
		"a task that is lost too often and goes on": {mapped + `
			revoke R A host why 1 → "revoked"
			steal v map → ["map 1"]`, "buried…steal v map"},
		"a revoke under a fence": {done + `revoke R A host why 3 → "revoked"`, `fence "F"…revoke R A`},
		"a burial that nobody remembers": {seeded + `
			fail R map 1 token 1 why → "buried"
			requeue R → 0`, "requeue R → 0"},
		"a phase that lacks maps": {`
			seed R 2 1 0 store words 1 +4 → ["R", 2, "store", "map"]
			status → [["run", "R", "maps", "2", "mapped", "1", "reducers", "1", "reduced", "0", "phase", "reduce"], 0, 2]`, "not in phase map"},
		"a clean of another run": {seeded + `clean S → 5`, "run R…clean S"},
	} {
		_, err := checker.Calls(written(t, test.text), time.Minute)
		if !errors.Is(err, checker.ErrForbidden) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for report := err.Error(); test.report != ""; {
			var next string
			next, test.report, _ = strings.Cut(test.report, "…")
			_, after, ok := strings.Cut(report, strings.TrimSpace(next))
			if !ok {
				t.Errorf("%s: %q is not in its place in\n%v", what, next, err)
				break
			}
			report = after
		}
	}
}

func TestWhatTakesTooLongIsUndecided(t *testing.T) {
	t.Parallel()
	// Very many calls that overlap, and one that none of their orders allows.
	calls := written(t, `seed R 1 1 0 store words 1 +2 → ["R", 1, "store", "map"]`)
	for i, who := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		steal := written(t, "steal "+who+` map → ["map 1"]`)[0]
		steal.Start, steal.End = 1000+int64(i), 2000
		calls = append(calls, steal)
	}
	read := written(t, `read w new 1 map → ["map 1"]`)[0]
	read.Start, read.End = 900, 950
	never := written(t, `pending map 9 → [["map 1", "nobody"]]`)[0]
	never.Start, never.End = 3000, 3001
	verdict, err := checker.Calls(append(calls, read, never), time.Millisecond)
	if err != nil || !slices.Contains(verdict.Undecided, "map task 1 of job job") || !strings.Contains(verdict.String(), "undecided: ") {
		t.Errorf("%v, %v", verdict, err)
	}
}
