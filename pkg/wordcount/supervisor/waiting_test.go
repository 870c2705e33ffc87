package supervisor

import (
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestWorkersThatWaitAreToldOnceAndThatTheyGoOn(t *testing.T) {
	t.Parallel()
	var said []string
	var w waiting
	for _, workers := range []map[string]protocol.WorkerInfo{
		{"a": {}, "b": {}},
		{"a": {Waits: "no room for x"}, "b": {}},
		{"a": {Waits: "no room for y"}, "b": {Waits: "no room for z"}},
		{"b": {Waits: "no room for z"}},
		{"b": {}, "c": {}},
		{"c": {Waits: "no room"}},
	} {
		w.report(protocol.Status{Workers: workers}, func(e event.Event) { said = append(said, e.String()) })
	}
	if want := []string{"! workers wait, and try again: no room for x", "workers go on", "! workers wait, and try again: no room"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
