package event

import (
	"fmt"
	"log/slog"
)

// Event is something that people may want to know about a running job.
type Event struct {
	Warning bool
	Text    string // one line; "": the event is for the journal alone
	Name    string // of an event for the journal
	Attrs   []slog.Attr
}

// String returns the event as one line for people. A warning begins with "! ".
func (e Event) String() string {
	if e.Warning {
		return "! " + e.Text
	}
	return e.Text
}

// Receiver receives events. nil drops them. Several goroutines may call it at once.
type Receiver func(Event)

// Info sends an event that isn't a warning.
func (to Receiver) Info(format string, args ...any) {
	to.send(Event{Text: fmt.Sprintf(format, args...)})
}

// Warn sends a warning.
func (to Receiver) Warn(format string, args ...any) {
	to.send(Event{Warning: true, Text: fmt.Sprintf(format, args...)})
}

// Write sends an event for the journal, which people aren't told.
func (to Receiver) Write(name string, attrs ...slog.Attr) {
	to.send(Event{Name: name, Attrs: attrs})
}

func (to Receiver) send(e Event) {
	if to != nil {
		to(e)
	}
}
