package protocol_test

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
)

func TestAnErrorIsCountedOnceForEachAttempt(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 1)
	h.Take("map", "w", 1)
	for _, c := range []struct{ token, want string }{{"a", "failed"}, {"a", "failed"}, {"a", "failed"}, {"b", "buried"}, {"b", protocol.Settled}} {
		standing, err := h.Client.Fail(t.Context(), h.Run, protocol.TaskID{Stream: protocol.Maps, Number: 1}, c.token, 2, protocol.Cause{})
		if err != nil || standing != c.want {
			t.Errorf("attempt %s: %s, %v; want %s", c.token, standing, err, c.want)
		}
	}
}
