package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// reader returns a reader with small buffers.
func reader(tb testing.TB, field string, strict bool, size, most int) *Reader {
	tb.Helper()
	f, err := Parse(field)
	check.Must(tb, err)
	r := NewReader(f, strict, MaxRecord)
	r.size, r.window.most = size, most
	return r
}

// read returns the values of a range of a text.
func read(r *Reader, text string, part Range) (values []string, tally Tally, err error) {
	header, err := r.Header(strings.NewReader(text))
	if err != nil {
		return nil, tally, err
	}
	tally, err = r.Each(strings.NewReader(text[max(part.Off-1, 0):]), part, header, func(v []byte) error {
		values = append(values, string(v))
		return nil
	})
	return values, tally, err
}

var whole = Range{0, math.MaxInt64}

func TestAFormatIsItsString(t *testing.T) {
	for _, text := range []string{"", "line", "jsonl:a", `jsonl:a.b\.c.\\.0`, "csv:name", "csv:a:b", "csv:3", "csv-lines:-1", "tsv:ü 1"} {
		f, err := Parse(text)
		check.Must(t, err)
		data, err := json.Marshal(struct{ F Format }{f})
		check.Must(t, err)
		var back struct{ F Format }
		check.Must(t, json.Unmarshal(data, &back))
		if f.String() != text || back.F != f || (f == Format{}) != (text == "") {
			t.Errorf("%q is %q, and from JSON %q", text, f, back.F)
		}
	}
}

func TestAWrongFormatIsRefusedSayingWhatToWrite(t *testing.T) {
	for text, why := range map[string]string{
		"lines": "want line, jsonl:PATH", ":": "want line", ":x": "want line", "line:": "want line", "jsonl": "want line", "json:a": "want line",
		"jsonl:": "a key of the path is empty", "jsonl:a.": "empty", "jsonl:a..b": "empty", `jsonl:a\`: `write \\`, `jsonl:a\nb`: `write \\`,
		"csv:": "a column is missing", "csv:0": "1 for the first", "tsv:01": "1 for the first", "tsv:99999999999999999999": "1 for the first",
		"jsonl:\xff": "valid UTF-8", "csv:\xff": "valid UTF-8",
	} {
		if f, err := Parse(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: format %q, error %v, want one that says %q", text, f, err, why)
		}
	}
}

func TestFormatsSayHowTheirFilesAreRead(t *testing.T) {
	for text, want := range map[string][2]bool{ // cuttable, headed
		"": {true, false}, "line": {true, false}, "jsonl:1": {true, false}, "csv:a": {false, true}, "csv:1": {false, false},
		"csv-lines:a": {true, true}, "csv-lines:1": {true, false}, "tsv:a": {true, true}, "tsv:1": {true, false},
	} {
		f, err := Parse(text)
		check.Must(t, err)
		if got := [2]bool{f.Cuttable(), f.Headed()}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// rules has a text for each rule of the documentation, and its values. A strict reader says the
// error, if there is a record without a value.
var rules = []struct {
	field, text string
	values      []string
	tally       Tally
	err         string
}{
	{"", "a\r\n\nb c", []string{"a", "", "b c"}, Tally{Records: 3}, ""},
	{"", "\ufeffa", []string{"\ufeffa"}, Tally{Records: 1}, ""},
	{"line", "\ufeffa\r\r\nb\r", []string{"a\r", "b"}, Tally{Records: 2}, ""},
	{"line", "\ufeff", nil, Tally{}, ""},
	{"jsonl:a", " \t\r\n\n\ufeff" + `{"a":1}`, nil, Tally{Records: 1, Malformed: 1},
		"record at byte 5: it is not valid JSON: invalid character 'ï' looking for beginning of value"},
	{"jsonl:a", "\ufeff" + `{"a":1}` + "\r\n", []string{"1"}, Tally{Records: 1}, ""},
	{"jsonl:a", `{"a":-1.50e+3}` + "\n" + `{"a":true}` + "\n" + `{"a":""}`, []string{"-1.50e+3", "true", ""}, Tally{Records: 3}, ""},
	{"jsonl:a", `{"a":1}` + "\n" + `{"b":1}` + "\n7", []string{"1"}, Tally{Records: 3, Missing: 2}, "record at byte 8: it has no a"},
	{"jsonl:a", `{"a":null}`, nil, Tally{Records: 1, Null: 1}, "record at byte 0: its a is null"},
	{"jsonl:a", `{"a":{}}` + "\n" + `{"a":[1]}`, nil, Tally{Records: 2, Nested: 2}, "record at byte 0: its a is an object or an array"},
	{"jsonl:a.b", `{"a":null}` + "\n" + `{"a":1}`, nil, Tally{Records: 2, Missing: 2}, "record at byte 0: it has no a.b"},
	{"jsonl:a", `{"a":"1","b":tru}` + "\n" + `{"a":"2"} {}` + "\n" + `{"a":"3"`, nil, Tally{Records: 3, Malformed: 3},
		"record at byte 0: it is not valid JSON: invalid character '}' in literal true (expecting 'e')"},
	{"jsonl:a", `{"\u0061":"\"\n\u00e9\ud83d\ude00\ud83dx` + "\xff" + `"}`, []string{"\"\né😀\ufffdx\ufffd"}, Tally{Records: 1}, ""},
	{"jsonl:a.b", `{"a":{"b":1,"b":2},"c":{"b":3}}`, []string{"2"}, Tally{Records: 1}, ""},
	{"jsonl:a.b", `{"a":{"b":1},"a":{}}`, nil, Tally{Records: 1, Missing: 1}, "record at byte 0: it has no a.b"},
	{`jsonl:a\.b.1.\\`, `{"a":{"b":0},"a.b":[0,{"\\":"x"}]}`, []string{"x"}, Tally{Records: 1}, ""},
	{"jsonl:b", `{"a":1,"b":2}` + "\n" + `{"b":3,"a":4}` + "\n" + `{"a":5,"bb":6}` + "\n" + `{"a":{"b":7}}` + "\n" + `{"a":8,"b" :9}` + "\n" + `{"a":1,"b":2`,
		[]string{"2", "3", "9"}, Tally{Records: 6, Missing: 2, Malformed: 1}, "record at byte 28: it has no b"},
	{"jsonl:a", strings.Repeat(`{"a":1,"b":{"a":2}}`+"\n", 3), []string{"1", "1", "1"}, Tally{Records: 3}, ""},
	{"jsonl:a.b", strings.Repeat(`{"a":{"b":1},"a":{}}`+"\n", 3), nil, Tally{Records: 3, Missing: 3}, "record at byte 0: it has no a.b"},
	{"jsonl:0", `[5]` + "\n" + `{"0":6}`, []string{"5", "6"}, Tally{Records: 2}, ""},
	{"csv:b", "a,b,b\n1,2,3\n\n\"x\",\"y \"\"z\"\"\r\n,\"\n", []string{"2", "y \"z\"\n,"}, Tally{Records: 2}, ""},
	{"csv:2", "a,b\nc\nd,e,f\n", []string{"b", "e"}, Tally{Records: 3, Missing: 1}, "record at byte 4: it has no column 2"},
	{"csv:1", "a,b\"\nc,d\n\"x\"y,\ne\n\"f\n", []string{"c", "e"}, Tally{Records: 5, Malformed: 3},
		"record at byte 0: it is not valid CSV: its quotes are not as they must be"},
	{"csv:\"", "\"a\",\"\"\"\"\n\"1\n\",2", []string{"2"}, Tally{Records: 1}, ""},
	{"csv:x", "a\n1\n", nil, Tally{Records: 1, Missing: 1}, `record at byte 2: the header has no column "x"`},
	{"csv:a", "\na\n1\n", nil, Tally{Records: 2, Missing: 2}, `record at byte 1: the header has no column "a"`},
	{"csv:a", "a,\"\"\"\n1\n", nil, Tally{}, ""},
	{"csv-lines:a", "\ufeffa,\"b\nc\n", nil, Tally{Records: 1, Missing: 1}, "record at byte 8: the header is not valid CSV"},
	{"csv-lines:2", "a,\"b\nc\",d\n1,\"2\"", []string{"2"}, Tally{Records: 3, Malformed: 2},
		"record at byte 0: it is not valid CSV: its quotes are not as they must be"},
	{"tsv:b", "a\tb\r\n\"1\t\"2\"\r\n\n3", []string{`"2"`}, Tally{Records: 2, Missing: 1}, "record at byte 14: it has no column 2"},
}

func TestTheRulesOfTheDocumentation(t *testing.T) {
	for _, rule := range rules {
		values, tally, err := read(reader(t, rule.field, false, windowSize, MaxRecord), rule.text, whole)
		if !slices.Equal(values, rule.values) || tally != rule.tally || err != nil {
			t.Errorf("%s of %q: %q, %+v, %v, want %q, %+v", rule.field, rule.text, values, tally, err, rule.values, rule.tally)
		}
		_, _, err = read(reader(t, rule.field, true, windowSize, MaxRecord), rule.text, whole)
		if fmt.Sprint(err) != rule.err && (err != nil || rule.err != "") {
			t.Errorf("strict %s of %q: %v, want %s", rule.field, rule.text, err, rule.err)
		}
		if _, is := errors.AsType[*Error](err); is != (rule.err != "") {
			t.Errorf("%v is a %T", err, err)
		}
	}
}

func TestNeitherTheWindowNorTheCutsChangeWhatIsRead(t *testing.T) {
	for _, rule := range rules {
		for size := 4; size < 20; size++ {
			r := reader(t, rule.field, false, size, 1000)
			split := int64(size - 3)
			if !r.format.Cuttable() {
				split = math.MaxInt64
			}
			var all []string
			var sum Tally
			for off := int64(0); off >= 0 && off < int64(len(rule.text)); off += split {
				values, tally, err := read(r, rule.text, Range{off, off + split})
				check.Must(t, err)
				all = append(all, values...)
				sum.Add(tally)
			}
			if !slices.Equal(all, rule.values) || sum != rule.tally {
				t.Errorf("%s of %q, window of %d bytes: %q, %+v, want %q, %+v", rule.field, rule.text, size, all, sum, rule.values, rule.tally)
			}
		}
	}
}

func TestALargeRecordIsAnErrorOfTheRangeInWhichItBegins(t *testing.T) {
	const most = 40
	for field, record := range map[string]func(size int) string{
		"":            func(size int) string { return strings.Repeat("x", size) },
		"jsonl:a":     func(size int) string { return `{"a":"` + strings.Repeat("x", size-8) + `"}` },
		"csv:1":       func(size int) string { return `"` + strings.Repeat("x\n", (size-2)/2) + `"` },
		"csv-lines:1": func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` },
		"tsv:1":       func(size int) string { return "\t" + strings.Repeat("x", size-1) },
	} {
		for _, end := range []string{"\n", "", "\n7\n"} {
			r := reader(t, field, false, 8, most)
			_, tally, err := read(r, "6\n"+record(most)+end, whole)
			check.Must(t, err)
			if tally.Records < 2 {
				t.Errorf("%q: %+v", field, tally)
			}
			large := record(most + 2)
			_, _, err = read(r, "6\n"+large+end, whole)
			if e, is := errors.AsType[*Error](err); !is || e.Offset != 2 || !strings.Contains(e.Why, "more than 40 bytes") {
				t.Errorf("%q: %v", field, err)
			}
			if !r.format.Cuttable() {
				continue
			}
			if _, tally, err = read(r, "6\n"+large+end, Range{0, 2}); err != nil || tally.Records != 1 {
				t.Errorf("%q: the record before: %+v, %v", field, tally, err)
			}
			if _, tally, err = read(r, "6\n"+large+end, Range{3, math.MaxInt64}); err != nil || tally.Records > 1 {
				t.Errorf("%q: the records behind: %+v, %v", field, tally, err)
			}
			if cap(r.window.buf) > most+1+slack {
				t.Errorf("%q: the buffer has %d bytes", field, cap(r.window.buf))
			}
		}
	}
}

// TestAValueThatGrowsIsBounded: each byte that isn't valid UTF-8 becomes three.
func TestAValueThatGrowsIsBounded(t *testing.T) {
	for size, large := range map[int]bool{13: false, 14: true} {
		_, _, err := read(reader(t, "jsonl:a", false, 8, 40), `{"a":1}`+"\n"+`{"a":"`+strings.Repeat("\xff", size)+`"}`, whole)
		if e, is := errors.AsType[*Error](err); is != large || is && (e.Offset != 8 || !strings.Contains(e.Why, "more than 13 bytes, and is not valid UTF-8")) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestALargeHeaderIsAnError(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 50), `"` + strings.Repeat("a\n", 25) + `"`} {
		_, _, err := read(reader(t, "csv:a", false, 8, 40), text, whole)
		if e, is := errors.AsType[*Error](err); !is || e.Offset != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAHeaderIsTheFirstLineOfAText(t *testing.T) {
	r := NewReader(Format{kind: tsvLines, field: "a"}, false, 4*headerSize)
	for text, want := range map[string]string{
		"": "", "a": "a", "a,b\r\nc\n": "a,b\r", "\n": "", strings.Repeat("a", 3*headerSize) + "\nb\n": strings.Repeat("a", 3*headerSize),
	} {
		header, err := r.Header(strings.NewReader(text))
		check.Must(t, err)
		if string(header) != want {
			t.Errorf("%q: %q", text, header)
		}
	}
	broken := errors.New("broken")
	if _, err := r.Header(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	_, err := r.Header(strings.NewReader(strings.Repeat("a", 5*headerSize)))
	if _, is := errors.AsType[*Error](err); !is {
		t.Error(err)
	}
}

func TestErrorsOfTheTextAndOfTheCallerAreReturnedAsTheyAre(t *testing.T) {
	broken := errors.New("broken")
	r := reader(t, "line", false, windowSize, MaxRecord)
	for _, text := range []string{"", "a", "a\nb\n"} {
		for _, part := range []Range{whole, {1, math.MaxInt64}} {
			in := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
			if _, err := r.Each(in, part, nil, func([]byte) error { return nil }); !errors.Is(err, broken) {
				t.Errorf("%q from %d on: %v", text, part.Off, err)
			}
		}
	}
	n := 0
	_, err := r.Each(strings.NewReader("a\nb\n"), whole, nil, func(value []byte) error {
		if n++; string(value) == "b" {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || n != 2 || r.Offset() != 2 {
		t.Errorf("%v after %d values, at %d", err, n, r.Offset())
	}
}

// TestLinesTogetherAreThoseOneByOne: each line that begins in the range is given once, in either way.
func TestLinesTogetherAreThoseOneByOne(t *testing.T) {
	broken := errors.New("broken")
	for _, field := range []string{"", "line"} {
		for _, text := range []string{"", "a", "\n", "a\nbc\n\nd", "a\r\nb\n", "a\rb\nc\r", strings.Repeat("a\nbb\n", 100)} {
			for from := range int64(len(text) + 1) {
				for _, end := range []int64{from, from + 1, from + 5, int64(len(text))} {
					part := Range{from, end}
					values, want, err := read(reader(t, field, false, 8, MaxRecord), text, part)
					check.Must(t, err)
					r := reader(t, field, false, 8, MaxRecord)
					var got []string
					r.Lines = func(lines []byte) error {
						for line := range bytes.Lines(lines) {
							got = append(got, strings.TrimSuffix(string(line), "\n"))
						}
						return nil
					}
					tally, err := r.Each(strings.NewReader(text[max(from-1, 0):]), part, nil, func(v []byte) error {
						got = append(got, string(v))
						return nil
					})
					if err != nil || tally != want || !slices.Equal(got, values) {
						t.Fatalf("%q from %d to %d: %q, %+v, %v; want %q, %+v", text, from, end, got, tally, err, values, want)
					}
				}
			}
		}
	}
	for _, told := range []error{broken, nil} {
		r := reader(t, "line", false, windowSize, MaxRecord)
		r.Lines = func([]byte) error { return broken }
		_, err := r.Each(strings.NewReader("a\nb\nc\n"), whole, nil, func(v []byte) error {
			if string(v) == "b" {
				return told
			}
			return nil
		})
		if !errors.Is(err, broken) || told != nil && r.Offset() != 2 {
			t.Errorf("%v at %d", err, r.Offset())
		}
	}
}

func TestATextThatIsNotToBeCutIsNotReadFromItsMiddle(t *testing.T) {
	if _, _, err := read(reader(t, "csv:1", false, windowSize, MaxRecord), "a\nb\n", Range{1, 4}); err == nil {
		t.Error("no error")
	}
}

// TestOnlyAsMuchIsReadAsNeeded: what is behind the end of a range may cost a request to a store.
func TestOnlyAsMuchIsReadAsNeeded(t *testing.T) {
	text := strings.Repeat("a line\n", 100_000)
	for _, part := range []Range{{0, 7}, {0, 70_000}, {7, 70_000}} {
		in := strings.NewReader(text[max(part.Off-1, 0):])
		tally, err := reader(t, "line", false, windowSize, MaxRecord).Each(in, part, nil, func([]byte) error { return nil })
		check.Must(t, err)
		if read := int64(len(text)-in.Len()) - part.Off; read > part.End+overrun || tally.Records != uint64(part.End-part.Off)/7 {
			t.Errorf("%v: %d bytes were read, %+v", part, read, tally)
		}
	}
}

func TestDeepJSONIsMalformedWhereEncodingJSONSaysSo(t *testing.T) {
	for _, depth := range []int{maxDepth - 1, maxDepth, maxDepth + 1} {
		for _, text := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
		} {
			_, tally, err := read(reader(t, "jsonl:a.a", false, windowSize, MaxRecord), text, whole)
			check.Must(t, err)
			if valid := tally.Malformed == 0; valid != json.Valid([]byte(text)) {
				t.Errorf("depth %d: valid is %v", depth, valid)
			}
		}
	}
}

// FuzzJSON compares the finder with encoding/json: which lines are valid, and what a string means.
func FuzzJSON(f *testing.F) {
	r := reader(f, "jsonl:a", false, windowSize, MaxRecord)
	f.Fuzz(func(t *testing.T, line []byte) {
		text := strings.ReplaceAll(string(line), "\n", " ")
		if strings.Trim(text, " \t\r") == "" {
			t.Skip()
		}
		readsAsEncodingJSON(t, r, text)
		readsAsEncodingJSON(t, r, text) // its shape is known
	})
}

// FuzzShapes compares the finder with encoding/json where a record is like one before but for some
// bytes.
func FuzzShapes(f *testing.F) {
	r := reader(f, "jsonl:a", false, windowSize, MaxRecord)
	f.Fuzz(func(t *testing.T, before []byte, at uint16, n uint8, other []byte) {
		from := min(int(at), len(before))
		to := min(from+int(n), len(before))
		after := slices.Concat(before[:from], other, before[to:])
		for _, line := range [][]byte{before, after, before} {
			if text := strings.ReplaceAll(string(line), "\n", " "); strings.Trim(text, " \t\r") != "" {
				readsAsEncodingJSON(t, r, text)
			}
		}
	})
}

func TestARecordThatDiffersInOneCharacterFromTheOneBeforeIsReadAsEncodingJSONReadsIt(t *testing.T) {
	r := reader(t, "jsonl:a", false, windowSize, MaxRecord)
	for _, before := range []string{
		`{"b":-1.5e+7, "a":"x\u00e9y","c":[true,{"a":null}]}`, `{"a":false,"d":"","a":12}`, `[{"a":"\""},0,false]`, `{"a":{"b":1}}`, ` "a"`, `0`,
	} {
		for at := range before {
			for _, other := range "\"\\{}[],: \t0-.+eEtnua\x00\x1f\x7fé" {
				for _, to := range []int{at, at + 1} { // before the byte, and in its place
					after := before[:at] + string(other) + before[to:]
					if strings.Trim(after, " \t\r") == "" {
						continue
					}
					readsAsEncodingJSON(t, r, before)
					readsAsEncodingJSON(t, r, after)
				}
			}
		}
	}
}

// Records of more shapes than are known, and then of shapes that all are unknown, are read alike.
func TestRecordsOfManyShapesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	r := reader(t, "jsonl:a", false, windowSize, MaxRecord)
	for _, shapes := range []int{maxShapes, maxShapes + 1, maxParts + maxUnknown + pause} {
		for n := range 2 * shapes {
			keys := strings.Repeat(`"b":1,`, n%shapes)
			readsAsEncodingJSON(t, r, `{`+keys+`"a":"`+strconv.Itoa(n)+`"}`)
			readsAsEncodingJSON(t, r, `{`+keys+`"a":"`+strconv.Itoa(n))
		}
	}
}

// readsAsEncodingJSON compares what a reader of the field a says of a line with encoding/json.
func readsAsEncodingJSON(t *testing.T, r *Reader, text string) {
	t.Helper()
	values, tally, err := read(r, text, Range{0, 1})
	check.Must(t, err)
	text = strings.TrimPrefix(text, byteOrderMark)
	if (tally.Malformed == 0) != json.Valid([]byte(text)) {
		t.Fatalf("%q: %+v", text, tally)
	}
	if tally.Malformed > 0 {
		return
	}
	var members map[string]json.RawMessage
	json.Unmarshal([]byte(text), &members) // nil if it is no object
	var want []string
	raw, has := members["a"]
	switch {
	case !has || string(raw) == "null" || raw[0] == '{' || raw[0] == '[':
	case raw[0] == '"':
		var value string
		check.Must(t, json.Unmarshal(raw, &value))
		want = []string{value}
	default:
		want = []string{string(raw)}
	}
	null, nested := has && string(raw) == "null", has && (raw[0] == '{' || raw[0] == '[')
	if !slices.Equal(values, want) || (tally.Null > 0) != null || (tally.Nested > 0) != nested || (tally.Missing > 0) == has {
		t.Fatalf("%q: %q, %+v, want %q", text, values, tally, want)
	}
}
