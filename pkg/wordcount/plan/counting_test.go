package plan

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestWhatIsCountedIsPartOfTheJobsName(t *testing.T) {
	t.Parallel()
	named := map[string]Options{}
	for _, o := range []Options{
		{}, {Field: "line"}, {Field: "line", Words: "fields"}, {Field: "line", Strict: true}, {Field: "jsonl:a"}, {Field: "csv:a"}, {Words: "value"},
		{Words: "unicode"}, {Words: "unicode", Fold: "case"}, {Words: "unicode", Fold: "nfc"}, {Words: "regexp:a"}, {Words: "func:a"},
	} {
		p := New(Manifest{}, o)
		if other, ok := named[p.Job.ID]; ok {
			t.Errorf("%+v has the name of %+v", o, other)
		}
		named[p.Job.ID] = o
		counting, err := ParseCounting(p.Job.Counting)
		check.Must(t, err)
		if want, _ := o.Counting(); counting != want {
			t.Errorf("%+v is %+v, and was %+v", o, counting, want)
		}
	}
	for _, same := range [][2]Options{
		{{}, {Words: "fields"}}, {{Field: "line"}, {Field: "line", Words: "value"}}, {{Fold: "case,nfc"}, {Fold: "nfc,case"}},
	} {
		if a, b := New(Manifest{}, same[0]), New(Manifest{}, same[1]); a.Job != b.Job {
			t.Errorf("%+v is %v, and %+v is %v", same[0], a.Job, same[1], b.Job)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{Field: "xml:a"}, {Field: "csv"}, {Field: "csv:0"}, {Words: "letters"}, {Words: "regexp:("}, {Words: "func:"}, {Fold: "CASE"}, {Strict: true},
	} {
		if c, err := o.Counting(); err == nil {
			t.Errorf("%+v is %+v", o, c)
		} else {
			check.IsError(t, err, protocol.ErrInput)
		}
	}
	c, err := Options{Words: "func:nobody"}.Counting()
	check.Must(t, err)
	check.IsError(t, c.Check(), protocol.ErrInput, "nobody")
	for _, text := range []string{"{", `{"field":"xml:a"}`, `{"words":"letters"}`} {
		_, err := ParseCounting(text)
		check.IsError(t, err, protocol.ErrState)
	}
}
