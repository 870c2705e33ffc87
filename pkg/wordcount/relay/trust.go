package relay

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
)

const (
	nameMost = 512 // bytes of a name of a sender, and of a journal
	// skewMost is by how much clocks may differ before the times of a host are corrected. A smaller
	// difference may just be the time that an entry takes to the server.
	skewMost = time.Second
	oldMost  = 24 * time.Hour // of an event; an older one would make the picture too wide
)

// ofWorkers are the events that a host which joins has. All others are the supervisor's.
var ofWorkers = []string{
	event.Start, event.Death, event.Leave, event.Attempt, event.Steal, event.Send, event.Commit, event.Failed, event.Buried,
	event.Revoke, event.Back,
}

// batch is an entry of the stream.
type batch struct {
	from, journal, lines string
	n                    uint64
	late                 time.Duration // the server's clock is ahead of the sender's by that
}

// batchOf reads an entry. ok is false if no sender would have written it.
func batchOf(e redis.XMessage) (b batch, ok bool) {
	field := func(name string, most int) string {
		text, _ := e.Values[name].(string)
		ok = ok && text != "" && len(text) <= most
		return text
	}
	ok = true
	b = batch{from: field(from, nameMost), journal: field(journal, nameMost), lines: field(lines, event.BatchMost)}
	n, err := strconv.ParseUint(field(number, 20), 10, 53)
	milliseconds, err2 := strconv.ParseInt(field(sent, 20), 10, 53)
	id, _, _ := strings.Cut(e.ID, "-")
	added, err3 := strconv.ParseInt(id, 10, 53)
	b.n, b.late = n, time.UnixMilli(added).Sub(time.UnixMilli(milliseconds))
	if b.late.Abs() <= skewMost {
		b.late = 0
	}
	return b, ok && err == nil && err2 == nil && err3 == nil
}

// eventsOf are the events of a batch.
func eventsOf(b batch, now time.Time) (events []event.Record) {
	for line := range strings.Lines(b.lines) {
		var r event.Record
		if json.Unmarshal([]byte(line), &r) != nil || r.Worker == "" || !slices.Contains(ofWorkers, r.Name) {
			continue
		}
		r.Time = r.Time.Add(b.late)
		if age := now.Sub(r.Time); age > oldMost || age < -skewMost {
			continue
		}
		r.Names = nil // only the supervisor has them
		events = append(events, event.Record{Time: r.Time, Level: "INFO", Name: r.Name, Who: r.Who, Work: r.Work, Seen: event.Seen{Bytes: r.Bytes}, Why: r.Why})
	}
	return events
}
