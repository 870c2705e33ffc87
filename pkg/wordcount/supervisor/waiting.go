package supervisor

import (
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// waiting remembers whether people were told that workers wait for something, such as room on the
// disk of the map outputs.
type waiting bool

// report tells people when the first worker begins to wait, and when none does any more.
func (w *waiting) report(st protocol.Status, events event.Receiver) {
	why := ""
	for _, info := range st.Workers {
		why = max(why, info.Waits) // one of them, whatever their order
	}
	switch {
	case why != "" && !bool(*w):
		events.Warn("workers wait, and try again: %.500s", why)
	case why == "" && bool(*w):
		events.Info("workers go on")
	}
	*w = why != ""
}
