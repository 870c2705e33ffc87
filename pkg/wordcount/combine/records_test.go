package combine

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// recordsOf makes a combiner that counts what the options say.
func recordsOf(t *testing.T, o plan.Options, memory int64) *records {
	t.Helper()
	counting, err := o.Counting()
	check.Must(t, err)
	c, err := New(0, memory, "", counting)
	check.Must(t, err)
	return c.records
}

var wholeText = record.Range{End: math.MaxInt64}

// A file that has become shorter is not a text that ends there.
func TestAFileThatEndsBeforeItsSizeIsNotCounted(t *testing.T) {
	t.Parallel()
	r := recordsOf(t, plan.Options{Field: "line"}, ofMemory)
	for size, want := range map[int64]error{9: nil, 10: io.ErrUnexpectedEOF} {
		_, err := r.countText(&stretch{strings.NewReader("one\ntwo\n."), 0, size}, wholeText, nil)
		if !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	n, err := r.countText(&stretch{strings.NewReader("one\ntwo\nthree"), 3, 7}, record.Range{Off: 4, End: 7}, nil) // it has grown
	if n != 1 || err != nil {
		t.Errorf("%d words, %v", n, err)
	}
}

func TestWhatACombinerDropsIsNotInItsTally(t *testing.T) {
	t.Parallel()
	r := recordsOf(t, plan.Options{Field: "jsonl:a"}, ofMemory)
	for range 2 {
		n, err := r.countText(strings.NewReader(`{"a":1}`+"\n{}\n{"), wholeText, nil)
		want := protocol.Tally{Records: 3, Missing: 1, Malformed: 1}
		if n != 1 || err != nil || r.combiner.tally != want {
			t.Errorf("%d words, %+v, %v", n, r.combiner.tally, err)
		}
		r.combiner.Empty()
	}
}

// A word that is too long is found where its line begins, although lines are cut together.
func TestTheLineOfAWordThatIsTooLongIsTold(t *testing.T) {
	t.Parallel()
	r := recordsOf(t, plan.Options{Words: `regexp:x+`}, ofMemory)
	if r.reader.Lines == nil {
		t.Fatal("lines are cut one by one")
	}
	text := "x\nxx x\n" + strings.Repeat("x", count.MaxWord+1) + "\nx\n"
	_, err := r.countText(strings.NewReader(text), wholeText, nil)
	if long, ok := errors.AsType[*count.WordTooLongError](err); !ok || long.Offset != 7 {
		t.Errorf("%v", err)
	}
}

// A function may make very many words of one value.
func TestTheTableIsKeptWithinItsBoundsWithinAValue(t *testing.T) {
	t.Parallel()
	r := recordsOf(t, plan.Options{Words: `regexp:(?s)...`}, ofMemory)
	var text strings.Builder
	for i := range maxLiveWords + stepWords {
		text.Write([]byte{byte(i), byte(i >> 8), byte(i>>16) + 100})
	}
	line := strings.ReplaceAll(text.String(), "\n", "\v")
	if _, err := r.countText(strings.NewReader(line), wholeText, nil); err == nil || !strings.Contains(err.Error(), "distinct words") {
		t.Errorf("%d words: %v", r.combiner.table.Len(), err)
	}
}
