package words

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// way is how values are cut.
type way uint8

const (
	fields way = iota // the default
	wholeValue
	unicodeWords
	matches // of a regular expression
	function
)

// Choice says what the words of a value are. The zero Choice is unfolded fields. Choices are
// comparable. As JSON a Choice is its String.
type Choice struct {
	way       way
	argument  string // the expression, or the name of the function
	foldsCase bool
	nfc       bool
}

// Parse reads what a person writes: fields, value, unicode, regexp:EXPR or func:NAME, and case, nfc
// or both with a comma. Empty texts mean fields, and no folding. A function needn't be registered.
func Parse(words, fold string) (Choice, error) {
	var c Choice
	kind, argument, _ := strings.Cut(words, ":")
	switch {
	case words == "", words == "fields":
	case words == "value":
		c.way = wholeValue
	case words == "unicode":
		c.way = unicodeWords
	case strings.HasPrefix(words, "regexp:"):
		c.way, c.argument = matches, argument
		if argument == "" {
			return Choice{}, errors.New("words: regexp: without an expression: write regexp:EXPR")
		}
		if _, err := regexp.Compile(argument); err != nil {
			return Choice{}, fmt.Errorf(
				"words: %q: %w: write it in Go's syntax, pkg.go.dev/regexp/syntax", words, err)
		}
	case strings.HasPrefix(words, "func:"):
		c.way, c.argument = function, argument
		if !isName(argument) {
			return Choice{}, fmt.Errorf("words: %q: a function's name has %s: write func:NAME", words, nameRule)
		}
	default:
		advice := "write fields, value, unicode, regexp:EXPR or func:NAME"
		if kind != words && (kind == "fields" || kind == "value" || kind == "unicode") {
			advice = fmt.Sprintf("write %s, without a colon", kind)
		}
		return Choice{}, fmt.Errorf("words: %q is no way to cut words: %s", words, advice)
	}
	switch fold {
	case "":
	case "case":
		c.foldsCase = true
	case "nfc":
		c.nfc = true
	case "case,nfc", "nfc,case": // one order of work, however it is written
		c.foldsCase, c.nfc = true, true
	default:
		return Choice{}, fmt.Errorf("words: %q is no folding: write case, nfc, or case,nfc", fold)
	}
	return c, nil
}

// Words is the first argument of Parse for this choice.
func (c Choice) Words() string {
	switch c.way {
	case wholeValue:
		return "value"
	case unicodeWords:
		return "unicode"
	case matches:
		return "regexp:" + c.argument
	case function:
		return "func:" + c.argument
	}
	return "fields"
}

// Fold is the second argument of Parse for this choice.
func (c Choice) Fold() string {
	switch {
	case c.foldsCase && c.nfc:
		return "case,nfc"
	case c.foldsCase:
		return "case"
	case c.nfc:
		return "nfc"
	}
	return ""
}

// String is the canonical text of a choice, one for each: the folding and a space, if there is any,
// and the words. It is part of the job's name.
func (c Choice) String() string {
	if fold := c.Fold(); fold != "" {
		return fold + " " + c.Words()
	}
	return c.Words()
}

// Plain says whether the words are unfolded fields, which package count cuts by itself.
func (c Choice) Plain() bool { return c == Choice{} }

// MarshalText returns the String.
func (c Choice) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a String, and nothing else.
func (c *Choice) UnmarshalText(text []byte) error {
	words, fold := string(text), ""
	// A folding is never the beginning of words: those have no space before a colon.
	if before, after, found := strings.Cut(words, " "); found && !strings.Contains(before, ":") {
		words, fold = after, before
	}
	choice, err := Parse(words, fold)
	if err == nil && choice.String() != string(text) {
		err = fmt.Errorf("words: %q is not how a choice is written: write %q", text, choice)
	}
	if err == nil {
		*c = choice
	}
	return err
}
