package protocol

import (
	"testing"
)

func TestACauseIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, code := range codes {
		for _, text := range []string{"", "CHANGED twice", `input changed: "/a b": it was modified`} {
			if c := (Cause{Code: code, Text: text}); parseCause(c.String()) != c {
				t.Errorf("%+v became %+v", c, parseCause(c.String()))
			}
		}
	}
	for _, older := range []string{"", "input changed", "GROWN up", `can't read input: open "/a": permission denied`} {
		if c := parseCause(older); c != (Cause{Code: Failed, Text: older}) {
			t.Errorf("the text %q became %+v", older, c)
		}
	}
}
