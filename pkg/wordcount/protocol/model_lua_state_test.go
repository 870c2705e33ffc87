package protocol_test

import (
	"slices"
	"strconv"
	"strings"
)

// releasedIdle is LONG_AGO of the library.
const releasedIdle = 1_000_000_000

// comparableState is the state of the model, without what only the invariants know.
func (w *world) comparableState() modelState {
	m := w.redis
	m.shipped, m.discarded = nil, false
	m.inOrder()
	return m
}

// inOrder makes lists comparable. Outputs are in the order of their commits.
func (m *modelState) inOrder() {
	m.outputs = append([]modelOutput{}, m.outputs...)
	m.storing = append([]modelStoring{}, m.storing...)
	slices.SortFunc(m.storing, func(a, b modelStoring) int { return int(a.attempt - b.attempt) })
}

// stateOf reads the keys of the job as the model has them.
func (s *shadow) stateOf(r *standin) (m modelState) {
	for _, f := range r.fields("meta") {
		m.there = true
		m.readMeta(f.name, f.value)
	}
	m.maps, m.reduces = r.stream("map"), r.stream("reduce")
	for _, f := range r.fields("outputs") {
		m.outputs = append(m.outputs, outputOf(f))
	}
	if z, ok := r.keys[shadowJob.Key("counts")].(*zset); ok {
		for _, one := range *z {
			m.counts[number(one.name[1:])] = int(one.score)
		}
	}
	for _, f := range r.fields("attempts") {
		if words := strings.Fields(f.name); words[0] == "map" && words[2] == "lost" {
			m.lost[number(words[1])] = number(f.value)
		}
	}
	for _, f := range r.fields("dead") {
		if name, id, _ := strings.Cut(f.name, " "); name == "map" {
			m.deadMaps.add(number(id))
		} else {
			m.deadReduces.add(number(id))
		}
	}
	for _, f := range r.fields("results") {
		name, _, _ := strings.Cut(f.value, " ")
		m.results[number(f.name)] = nonceOf(name)
	}
	if s.world.partitions == 0 { // the model has no names of outputs then
		if acknowledged := m.maps.acknowledged() &^ m.deadMaps; !covers(m.outputs, acknowledged) {
			s.world.fail("tasks %b are acknowledged, and the library has the outputs %v", acknowledged, m.outputs)
		}
		m.outputs = nil
	}
	m.inOrder()
	return m
}

func (s *standin) fields(key string) []field {
	if h, ok := s.keys[shadowJob.Key(key)].(*hash); ok {
		return *h
	}
	return nil
}

func outputOf(f field) modelOutput {
	words := strings.Fields(f.value) // tokens, bytes, ranges of tasks, host, tally
	o := modelOutput{name: nonceOf(f.name), tokens: number(words[0]), records: recordsOf(words[4])}
	for ids := range strings.SplitSeq(words[2], ",") {
		first, last, several := strings.Cut(ids, "-")
		if !several {
			last = first
		}
		for id := number(first); id <= number(last); id++ {
			o.tasks.add(id)
		}
	}
	return o
}

// recordsOf is the first number of a tally.
func recordsOf(tally string) int {
	if tally == "-" {
		return 0
	}
	records, _, _ := strings.Cut(tally, ",")
	return number(records)
}

func nonceOf(text string) nonce { return nonce(number(text)) }

func (m *modelState) readMeta(name, value string) {
	if attempt, ok := strings.CutPrefix(name, "storing "); ok {
		m.storing = append(m.storing, modelStoring{nonceOf(attempt), number(value)})
		return
	}
	switch name {
	case "run":
		m.run = nonceOf(value)
	case "phase":
		m.phase = modelPhase(value)
	case "mapped":
		m.mapped = number(value)
	case "reduced":
		m.reduced = number(value)
	case "tokens":
		m.tokens = number(value)
	case "stored":
		m.stored = number(value)
	case "tally":
		m.records = recordsOf(value)
	case "filled":
		m.filled = number(value)
	case "full":
		m.full = true
	case "final":
		m.final = nonceOf(value)
	case "dismissed":
		m.dismissed = value == strconv.Itoa(int(m.final))
	}
}

func (s *standin) stream(key string) (m modelStream) {
	found, ok := s.keys[shadowJob.Key(key)].(*stream)
	if !ok {
		return m
	}
	m.there, m.last = true, found.read
	for _, e := range found.entries {
		m.entries.add(e.id)
	}
	for _, p := range found.pending {
		owner, _ := strconv.Atoi(p.consumer) // the library's own consumers are nobody
		m.give(p.id, nonce(owner))
		if p.idle >= releasedIdle {
			m.free.add(p.id)
		}
	}
	return m
}
