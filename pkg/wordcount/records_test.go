package wordcount

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

func init() {
	words.Register("pairs", func(value []byte, word func([]byte)) {
		for i := 0; i+1 < len(value); i += 2 {
			word(value[i : i+2])
		}
	})
}

// recordTexts are files with records of each fate, one format each.
func recordTexts(t *testing.T) map[string]map[string]string {
	var lines, objects, rows, cut, tabs strings.Builder
	rows.WriteString("id,name,text\n")
	cut.WriteString("id,name,text\r\n")
	tabs.WriteString("id\tname\ttext\n")
	for i := range 300 {
		text := []string{"the Quick brown fox", "can't stop, won't STOP", "straße Straße", "日本語 e\u0301t\u00e9", ""}[i%5]
		fmt.Fprintf(&lines, "%s %d\n", text, i%7)
		fmt.Fprintln(&objects, []string{
			fmt.Sprintf(`{"id":%d,"user":{"agent":%q}}`, i, text), `{"user":{"agent":"caf\u00e9 \ud83d\ude00\n"},"x":[1,2]}`,
			`{"user":{"agent":null}}`, `{"user":{}}`, `{"user":{"agent":{"a":1}}}`, `{"user":{"agent":`, "", `{"user":{"agent":1e3}}`,
		}[i%8])
		fmt.Fprintln(&rows, []string{fmt.Sprintf(`%d,"a, ""b""`, i) + "\n" + `c",` + text, fmt.Sprint(i), `x,"y"z,` + text, fmt.Sprintf("%d,%s,%[2]s", i, strings.ReplaceAll(text, ",", ""))}[i%4])
		fmt.Fprint(&cut, []string{fmt.Sprintf(`%d,"a, ""b""",`, i) + text, fmt.Sprint(i), `x,"y"z,` + text, "1,2,3,4"}[i%4], "\r\n")
		fmt.Fprintf(&tabs, "%d\t%s\t\"%[2]s\n", i, text)
	}
	text := strings.TrimSuffix(lines.String(), "\n")
	object := "\uFEFF" + objects.String()
	seekable := func(text string) string { return string(check.SeekableZstd(check.Pieces(text, 101)...)) }
	return map[string]map[string]string{
		"": {"a": text, "b.gz": string(check.Gzip(t, text)), "c.zst": seekable(text)}, "line": {"a": text, "b.zst": string(check.Zstd(t, text)), "c.zst": seekable(text)},
		"jsonl:user.agent": {"a": object, "b": object[:len(object)/2], "c.gz": string(check.Gzip(t, object)), "d.zst": seekable(object), "empty": ""},
		"csv:name":         {"a": rows.String(), "b.gz": string(check.Gzip(t, rows.String())), "c": "no,such\n1,2\n", "d.zst": seekable(rows.String())},
		"csv-lines:name":   {"a": cut.String(), "b": cut.String()[:cut.Len()/2], "c.zst": seekable(cut.String())},
		"tsv:3":            {"a": tabs.String(), "b.gz": string(check.Gzip(t, tabs.String()))},
		"tsv:text":         {"a": tabs.String(), "b": "\n", "c.zst": seekable(tabs.String())},
	}
}

// countsAsVerified counts, and compares with the oracles.
func (r *rig) countsAsVerified(o plan.Options) Sealed {
	r.tb.Helper()
	sealed, err := r.run(r.tb.Context(), o)
	check.Must(r.tb, err)
	verdict, err := r.verify(sealed)
	check.Must(r.tb, err)
	if !verdict.Exact() || verdict.Distinct == 0 || verdict.Distinct != sealed.Distinct {
		r.tb.Errorf("verify says %+v of %+v", verdict, sealed)
	}
	return sealed
}

func TestEachFormatIsCountedExactlyAtAnySplit(t *testing.T) {
	t.Parallel()
	for field, files := range recordTexts(t) {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, files)
			for i, o := range []plan.Options{
				{Split: 700, Reducers: 2, Words: "unicode", Fold: "case,nfc"}, {Split: 333, Direct: true}, {WholeFiles: true, Reducers: 1, Keep: 3},
			} {
				o.Field = field
				r.faults = []string{"crash@mid-count:1,crash@before-commit:1", "crash@after-commit:1", ""}[i]
				r.countsAsVerified(o)
			}
		})
	}
}

func TestEachChoiceOfWordsIsCountedExactly(t *testing.T) {
	t.Parallel()
	texts := recordTexts(t)
	inBothModes(t, func(t *testing.T, o plan.Options) {
		for _, field := range []string{"", "jsonl:user.agent"} {
			r := newRig(t, texts[field])
			for _, choice := range []string{"fields", "value", "unicode", "regexp:[a-z]([a-z]+)", "func:pairs"} {
				o.Field, o.Words, o.Split = field, choice, 2000
				r.countsAsVerified(o)
			}
		}
	})
}

func TestFault77EachRecordWithoutAValueIsCountedAndTold(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a.jsonl": strings.Join([]string{
		`{"agent":"x"}`, `{"agent":null}`, `{}`, `{"agent":[1]}`, `{"agent":{}}`, `{"agent":`, ``, `{"agent":"\u0079"}`, `17`,
	}, "\n")}
	want := protocol.Tally{Records: 8, Missing: 2, Null: 1, Nested: 2, Malformed: 1}
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, files)
		o.Field, o.Split = "jsonl:agent", 5
		if sealed := r.countsAsVerified(o); sealed.Tally != want || sealed.Tokens != 2 {
			t.Errorf("%+v", sealed)
		}
	})
}

func TestFault77ARecordWithoutAValueEndsAStrictRun(t *testing.T) {
	t.Parallel()
	for bad, why := range map[string]string{
		`{"agent":null}`: "null", `{}`: "no agent", `{"agent":[1]}`: "array", `{"agent":`: "JSON",
	} {
		r := newRig(t, map[string]string{"a.jsonl": `{"agent":"x"}` + "\n" + bad + "\n"})
		r.prepare(plan.Options{Field: "jsonl:agent", Strict: true, Split: 3})
		r.finishIncomplete(protocol.BadRecord, "a.jsonl", "record at byte 14", why)
	}
	r := newRig(t, map[string]string{"a.csv.gz": string(check.Gzip(t, "a,b\n1,2\n3\n"))})
	r.prepare(plan.Options{Field: "csv:b", Strict: true})
	r.finishIncomplete(protocol.BadRecord, "a.csv.gz", "unpacked: record at byte 8")
}

func TestFault79ARecordThatIsTooLargeEndsTheRun(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 5<<20)
	for field, text := range map[string]string{
		"": "a\n" + large, "jsonl:a": "1\n" + `{"a":"` + large, "csv:1": "a\n" + `"` + strings.Repeat("x\n", 3<<20), "tsv:1": "a\n" + large,
	} {
		r := newRig(t, map[string]string{"large": text})
		r.prepare(plan.Options{Field: field, Words: "value"})
		r.team.Worker.Memory = 64 << 20
		r.finishIncomplete(protocol.BadRecord, "large", "record at byte 2: it has more than 2097152 bytes")
	}
}

func TestFault47AValueBeyondTheLimitEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": `{"a":1}` + "\n" + `{"a":"` + strings.Repeat("x", 2<<20) + `"}`})
	r.prepare(plan.Options{Field: "jsonl:a"})
	r.finishIncomplete(protocol.TooLong, `/a`, "at offset 8")
}
