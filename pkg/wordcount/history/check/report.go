package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// shownBefore is how many calls a report shows before the one that contradicts them.
const shownBefore = 6

// report is what contradicts what: the longest order that was found, and the call that has no place
// in it.
func report[S comparable](what string, ops []porcupine.Operation, limit time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(model[S](), ops, limit)
	var longest []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	placed := map[any]int{} // an order has the call of a restart more than once
	key := func(o porcupine.Operation) any { p := o.Input.(op[S]); return [2]any{p.call, p.later} }
	w := newWorld[S]()
	for _, o := range longest {
		placed[key(o)]++
		w, _ = w.step(o.Input.(op[S]))
	}
	var left []porcupine.Operation
	for _, o := range ops {
		if placed[key(o)]--; placed[key(o)] < 0 {
			left = append(left, o)
		}
	}
	// Of those without a place, the one that ended first can't come later.
	slices.SortFunc(left, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", what)
	for _, o := range longest[max(0, len(longest)-shownBefore):] {
		fmt.Fprintf(&text, "    %s\n", lineOf(o.Input.(op[S])))
	}
	for s := range w.settled() {
		fmt.Fprintf(&text, "  now it may be: %v\n", s)
	}
	if len(left) > 0 {
		fmt.Fprintf(&text, "  so this is impossible:\n    %s\n", lineOf(left[0].Input.(op[S])))
	}
	return text.String()
}

// lineOf is a call in a line: when, whose, what, and the answer.
func lineOf[S comparable](o op[S]) string {
	c := o.call
	answer, _ := json.Marshal(c.Answer)
	switch {
	case c.Refused != "":
		answer = []byte("refused: " + c.Refused)
	case c.Lost != "":
		answer = []byte("no answer: " + c.Lost)
	case c.End == 0:
		answer = []byte("no answer")
	}
	const most = 300
	return fmt.Sprintf("%.6f–%.6f s, %s, call %d: %s %s → %.*s", float64(c.Start)/1e9, float64(c.End)/1e9, c.Process, c.N,
		c.Name, strings.Join(c.Args, " "), most, answer)
}
