package words

import "testing"

// It isn't parallel, because an init function isn't either.
func TestAFunctionIsAwaitedUntilItIsRegistered(t *testing.T) {
	letters := func([]byte, func([]byte)) {}
	var calls []string
	Await("test.late", func() {
		if _, err := Registered("test.late"); err != nil {
			t.Error(err)
		}
		calls = append(calls, "late")
	})
	Register("test.other", letters)
	if len(calls) > 0 {
		t.Error("another function will do")
	}
	Register("test.late", letters)
	Await("test.other", func() { calls = append(calls, "other") })
	if len(calls) != 2 {
		t.Errorf("called %q", calls)
	}
}
