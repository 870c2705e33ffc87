package words

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestAChoiceIsWhatWasWrittenAndHasOneText(t *testing.T) {
	for _, c := range []struct{ words, fold, text string }{
		{"", "", "fields"}, {"fields", "", "fields"}, {"fields", "nfc", "nfc fields"}, {"value", "", "value"},
		{"unicode", "case", "case unicode"}, {"unicode", "nfc,case", "case,nfc unicode"},
		{"regexp: (a) ", "", "regexp: (a) "}, {"regexp:case unicode", "nfc", "nfc regexp:case unicode"},
		{`regexp:"[^:]+:\n`, "", `regexp:"[^:]+:\n`}, {"regexp:nfc fields", "", "regexp:nfc fields"},
		{"regexp:\x00<&>\u2028é", "case", "case regexp:\x00<&>\u2028é"},
		{"func:a.b-C_9", "case,nfc", "case,nfc func:a.b-C_9"},
	} {
		choice, err := Parse(c.words, c.fold)
		if err != nil {
			t.Errorf("%q, %q: %v", c.words, c.fold, err)
			continue
		}
		if choice.String() != c.text {
			t.Errorf("%q, %q: %q, want %q", c.words, c.fold, choice, c.text)
		}
		if again, err := Parse(choice.Words(), choice.Fold()); again != choice || err != nil {
			t.Errorf("%q: read again it is %q, %v", c.text, again, err)
		}
		if plain := c.text == "fields"; choice.Plain() != plain {
			t.Errorf("%q: plain is %v", c.text, !plain)
		}
		var back Choice
		if text, err := json.Marshal(choice); err != nil {
			t.Error(err)
		} else if err := json.Unmarshal(text, &back); err != nil || back != choice {
			t.Errorf("%s: read from JSON it is %q, %v", text, back, err)
		}
	}
}

func TestAWrongChoiceIsRefusedWithAdvice(t *testing.T) {
	for _, c := range []struct{ words, fold, advice string }{
		{"line", "", "write fields, value, unicode, regexp:EXPR or func:NAME"},
		{"Unicode", "", "write fields"}, {"unicode:", "", "write unicode, without a colon"},
		{"regexp", "", "regexp:EXPR"}, {"regexp:", "", "regexp:EXPR"}, {"regexp:(", "", "missing closing"},
		{"regexp:(?=a)", "", "regexp/syntax"}, {"regexp:\xff", "", "invalid UTF-8"},
		{"func:", "", "func:NAME"}, {"func:a b", "", "func:NAME"}, {"func:é", "", "func:NAME"},
		{"func:" + strings.Repeat("a", 65), "", "1 to 64"},
		{"fields", "Case", "write case, nfc, or case,nfc"}, {"fields", "case,case", "write case"}, {"fields", ",", "write case"},
	} {
		choice, err := Parse(c.words, c.fold)
		if err == nil || choice != (Choice{}) {
			t.Errorf("%q, %q: %q", c.words, c.fold, choice)
		} else if text := err.Error(); !strings.Contains(text, c.advice) || strings.Contains(text, "\n") {
			t.Errorf("%q, %q: %s: it doesn't say %q", c.words, c.fold, text, c.advice)
		}
	}
	for _, text := range []string{"", "case  fields", "case", "x fields", "fields case", "case,nfc", " fields"} {
		var c Choice
		if err := c.UnmarshalText([]byte(text)); err == nil || c != (Choice{}) {
			t.Errorf("%q is read as %q", text, c)
		}
	}
}

func TestAFunctionIsFoundByItsName(t *testing.T) {
	Register("test.letters", func(value []byte, word func([]byte)) {
		for i := range value {
			word(nil)
			word(value[i : i+1])
		}
	})
	if got := cut(t, "func:test.letters", "case", "aBc"); got != `["a" "b" "c"]` {
		t.Error(got)
	}
	missing, err := Parse("func:test.missing", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := missing.Cutter(); !errors.Is(err, ErrUnregistered) || !strings.Contains(err.Error(), "test.letters") {
		t.Error(err)
	}
	for name, f := range map[string]func([]byte, func([]byte)){
		"test.letters": func([]byte, func([]byte)) {}, "a:b": func([]byte, func([]byte)) {}, "test.nil": nil,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is registered", name)
				}
			}()
			Register(name, f)
		}()
	}
}

// cut prints the words of a value.
func cut(t testing.TB, choice, fold, value string) string {
	c, err := Parse(choice, fold)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Cutter()
	if err != nil {
		t.Fatal(err)
	}
	words := []string{}
	for range 2 { // a cutter can be used again
		words = words[:0]
		k.Cut([]byte(value), func(w []byte) { words = append(words, string(w)) })
	}
	return fmt.Sprintf("%+q", words)
}

// The tests of package recount compare far more.
func TestValuesAreCutAsChosen(t *testing.T) {
	for _, c := range []struct{ words, fold, value, want string }{
		{"fields", "", " a,b  c\u3000d\xff ", `["a,b" "c" "d\xff"]`},
		{"value", "", " a b ", `[" a b "]`}, {"value", "", "", `[]`},
		{"unicode", "", "Can't stop: 3.5 km_2, 中文!", `["Can't" "stop" "3.5" "km_2" "\u4e2d" "\u6587"]`},
		{"unicode", "", "caf\xe9 \xff\xfe\u0301x 😀 e\u0301", `["caf" "\xe9" "\xff\xfe" "x" "e\u0301"]`},
		{"unicode", "", "\ue000 \U000323b0", `["\ue000" "\U000323b0"]`}, // private use; newer than Go's tables
		{"regexp:(a+)|b", "", "aab b a", `["aa" "a"]`}, {"regexp:a*", "", "baab", `["aa"]`},
		{"regexp:.", "", "a\xff\n", `["a" "\xff"]`},
		{"value", "case", "Straße \xffÀ \u13a0\uab70İ", `["strasse \xff\u00e0 \u13a0\u13a0i\u0307"]`},
		{"value", "nfc", "E\u0301\xff A", `["\u00c9\xff A"]`}, {"value", "case,nfc", "E\u0301 A", `["\u00e9 a"]`},
		{"value", "case,nfc", "\u0345\u0301", `["\u0301\u03b9"]`},
	} {
		if got := cut(t, c.words, c.fold, c.value); got != c.want {
			t.Errorf("%s %s of %+q: %s, want %s", c.words, c.fold, c.value, got, c.want)
		}
	}
}

func TestCuttingAllocatesNothing(t *testing.T) {
	value := []byte(`The "Füchse" "GET /a?b"`)
	word := func([]byte) {}
	for _, words := range []string{"fields", "value", "unicode", `regexp:"(?:GET|POST) ([^ ?"]+)`} {
		for _, fold := range []string{"", "case", "nfc", "case,nfc"} {
			c, err := Parse(words, fold)
			if err != nil {
				t.Fatal(err)
			}
			k, err := c.Cutter()
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(20, func() { k.Cut(value, word) }); n > 0 {
				t.Errorf("%s: %v allocations a value", c, n)
			}
		}
	}
}
