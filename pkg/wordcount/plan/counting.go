package plan

import (
	"encoding/json"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/record"
	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// Counting says what is counted of an input: the words of the value of a field of each record. The
// zero Counting is what package count cuts by itself: the fields of plain text.
type Counting struct {
	Field  record.Format `json:"field"`
	Words  words.Choice  `json:"words"`
	Strict bool          `json:"strict"` // a record without a value ends the run
}

// Counting reads what the options say. The error wraps protocol.ErrInput.
func (o Options) Counting() (c Counting, err error) {
	if c.Field, err = record.Parse(o.Field); err != nil {
		return c, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	choice := o.Words
	if choice == "" && o.Field != "" {
		choice = "value"
	}
	if c.Words, err = words.Parse(choice, o.Fold); err != nil {
		return c, fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	c.Strict = o.Strict
	if c.Strict && o.Field == "" {
		return c, fmt.Errorf("%w: to be strict needs a field: each line of plain text has a value", protocol.ErrInput)
	}
	return c, nil
}

// Plain reports whether package count cuts the words by itself.
func (c Counting) Plain() bool { return c == Counting{} }

// Check refuses a function that this program doesn't know. The error wraps protocol.ErrInput.
func (c Counting) Check() error {
	if _, err := c.Words.Cutter(); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	return nil
}

// String is what ParseCounting reads, one text for each Counting. It is part of the job's name.
func (c Counting) String() string {
	if c.Plain() {
		return ""
	}
	text, _ := json.Marshal(c) // texts and a bool: no error
	return string(text)
}

// ParseCounting reads a String. The error wraps protocol.ErrState.
func ParseCounting(text string) (c Counting, err error) {
	if text == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("%w: what is counted: %w", protocol.ErrState, err)
	}
	return c, nil
}
