package lab

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
)

// lesson is a question, and ways to answer it that meet the same fault. All but the last way are
// wrong.
type lesson struct {
	question string
	fault    string // in a sentence or two
	scenario func(*trial)
	ways     []way
	why      string // the wrong ways are wrong
	look     string // where to look
}

// teach tries all ways of a lesson, and prints what came of it. It returns how many ways did
// something that they shouldn't: a wrong one was exact, or a right one wasn't.
func (l lesson) teach(ctx context.Context, world *world, out io.Writer, number int) (surprises int, err error) {
	fmt.Fprintf(out, "\n%d. %s\n", number, l.question)
	paragraph(out, "Fault: "+l.fault)
	want := truth()
	fmt.Fprintf(out, "   %-66s %2d words, the: %2d\n", "expected", want.words(), want["the"])
	for _, w := range l.ways {
		t := &trial{ctx: ctx, world: world, way: w}
		got, err := t.run(l.scenario)
		if err != nil {
			return surprises, fmt.Errorf("lesson %d, %s: %w", number, w.program, err)
		}
		verdict, fine := judge(want, got, w.right)
		if !fine {
			surprises++
		}
		fmt.Fprintf(out, "   %s  %-59s %2d words, the: %2d  %s\n", sides[w.right], w.means, got.words(), got["the"], verdict)
		for _, note := range t.notes {
			fmt.Fprintf(out, "          %s\n", note)
		}
	}
	paragraph(out, "Why: "+l.why)
	paragraph(out, "Look at: "+l.look)
	return surprises, nil
}

var sides = map[bool]string{false: "wrong", true: "right"}

// judge compares counts with the right ones. fine is true for a right way that is exact, and for a
// wrong way that is not.
func judge(want, got counts, right bool) (verdict string, fine bool) {
	switch more := got.words() - want.words(); {
	case maps.Equal(want, got):
		verdict = "exact"
	case more > 0:
		verdict = fmt.Sprintf("%d too many", more)
	case more < 0:
		verdict = fmt.Sprintf("%d too few", -more)
	default:
		verdict = "other words"
	}
	if fine = right == (verdict == "exact"); !fine {
		verdict += ", against all expectations"
	}
	return verdict, fine
}

// width is how many columns a paragraph has.
const width = 100

// paragraph prints a text in lines that fit.
func paragraph(out io.Writer, text string) {
	const indent = "   "
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width {
			fmt.Fprintln(out, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(out, line)
}
