package protocol_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"pgregory.net/rapid"
)

// shadow does with the library that ships what the model does. It calls each function right after
// the model, on a stand-in for Redis, and requires the same answer, and then the same state. What
// the model says of a function is so proved of the function itself, but for what the model leaves
// out: rights, types and bounds of what is given, errors and deaths of tasks, heartbeats, and what
// the status says.
//
// The state that it comes to is part of the model's, so checkpoints and rollbacks are of both.
type shadow struct {
	library *shippedLibrary
	world   *world
}

// inLua does something if there is a shadow.
func (w *world) inLua(do func(*shadow)) {
	if w.shadow != nil && w.bad == nil {
		do(w.shadow)
	}
}

var (
	shadowJob  = protocol.Job{ID: "0123456789abcdef"}
	shadowKeys = shadowJob.Keys()
)

// The places of keys in shadowKeys.
const (
	keyMeta = iota
	keyMap
	keyReduce
	keyCounts
	keyAttempts
	keyDead
	_
	keyOutputs
	keyResults
)

const (
	shadowBytes = 1000 // of input, for each word
	shadowIdle  = 1e9  // of a task that is anybody's
)

// call calls a function of the library, and compares the answer, and the state. The model's answer is
// want, unless it is an error.
func (s *shadow) call(function string, err error, want any, args ...any) {
	after := s.answer(function, err, want, args...)
	s.comesTo(fmt.Sprint(function, args), after)
}

// answer calls a function of the library, and compares the answer. It returns the state.
func (s *shadow) answer(function string, err error, want any, args ...any) (after *standin) {
	reply, after := s.library.call(s.world.redis.shipped, protocol.Function(function), shadowKeys, args...)
	s.require(fmt.Sprint(function, args), reply, err, want)
	return after
}

// send sends a command.
func (s *shadow) send(command string, args ...any) (reply any, after *standin) {
	after = s.world.redis.shipped.clone()
	return after.do(command, textsOf(args)...), after
}

func (s *shadow) require(call string, reply any, err error, want any) {
	got := fmt.Sprint(reply)
	if err != nil {
		want = err
		got, _, _ = strings.Cut(got, " ")
	}
	if got != fmt.Sprint(want) {
		s.world.fail("%s: the answer is %v, the model's is %v", call, reply, want)
	}
}

func (s *shadow) comesTo(call string, after *standin) {
	s.world.redis.shipped = after
	if shipped, model := s.state(after), s.comparable(); !reflect.DeepEqual(shipped, model) {
		s.world.fail("%s: Redis has %+v, the model %+v", call, shipped, model)
	}
}

// comparable is the state of the model, without what only the invariants know.
func (s *shadow) comparable() modelState {
	m := s.world.redis
	m.shipped, m.discarded = nil, false
	m.outputs, m.storing = slices.Clip(m.outputs), slices.Clone(m.storing)
	m.normalize()
	return m
}

func (m *modelState) normalize() {
	if len(m.outputs) == 0 {
		m.outputs = nil
	}
	if len(m.storing) == 0 {
		m.storing = nil
	}
	slices.SortFunc(m.storing, func(a, b modelStoring) int { return int(a.attempt - b.attempt) })
}

// state reads the keys of the job as the model has them.
func (s *shadow) state(r *standin) (m modelState) {
	if r == nil {
		return m
	}
	for _, f := range r.fields(keyMeta) {
		m.there = true
		m.readMeta(f.name, f.value)
	}
	m.maps, m.reduces = streamState(r.keys[shadowKeys[keyMap]]), streamState(r.keys[shadowKeys[keyReduce]])
	for _, f := range r.fields(keyOutputs) {
		o := modelOutput{name: nonceOf(f.name)}
		text := strings.Fields(f.value)
		o.tokens = number(text[0])
		for ids := range strings.SplitSeq(text[2], ",") {
			first, last, several := strings.Cut(ids, "-")
			if !several {
				last = first
			}
			for id := number(first); id <= number(last); id++ {
				o.tasks.add(id)
			}
		}
		m.outputs = append(m.outputs, o)
	}
	if z, ok := r.keys[shadowKeys[keyCounts]].(*zset); ok {
		for _, one := range *z {
			m.counts[number(one.name[1:])] = int(one.score)
		}
	}
	for _, f := range r.fields(keyAttempts) {
		if words := strings.Fields(f.name); words[0] == "map" && words[2] == "lost" {
			m.lost[number(words[1])] = number(f.value)
		}
	}
	for _, f := range r.fields(keyDead) {
		if name, id, _ := strings.Cut(f.name, " "); name == "map" {
			m.deadMaps.add(number(id))
		} else {
			m.deadReduces.add(number(id))
		}
	}
	for _, f := range r.fields(keyResults) {
		name, _, _ := strings.Cut(f.value, " ")
		m.results[number(f.name)] = nonceOf(name)
	}
	if s.world.partitions == 0 { // the model has no names of outputs then
		if acknowledged := m.maps.acknowledged() &^ m.deadMaps; !covers(m.outputs, acknowledged) {
			s.world.fail("tasks %b are acknowledged, and the library has the outputs %v", acknowledged, m.outputs)
		}
		m.outputs = nil
	}
	m.normalize()
	return m
}

func (r *standin) fields(key int) []field {
	if r == nil {
		return nil
	}
	if h, ok := r.keys[shadowKeys[key]].(*hash); ok {
		return *h
	}
	return nil
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

func streamState(v value) (m modelStream) {
	s, ok := v.(*stream)
	if !ok {
		return m
	}
	m.there, m.last = true, s.read
	for _, e := range s.entries {
		m.entries.add(e.id)
	}
	for _, p := range s.pending {
		owner, _ := strconv.Atoi(p.consumer) // others are nobody
		m.give(p.id, nonce(owner))
		if p.idle >= shadowIdle {
			m.free.add(p.id)
		}
	}
	return m
}

// Commands of the workers.

func (s *shadow) name(of *modelStream) string {
	if of == &s.world.redis.maps {
		return "map"
	}
	return "reduce"
}

func (s *shadow) key(of *modelStream) string { return shadowJob.Key(s.name(of)) }

// deliver compares a reply that gives a worker tasks.
func (s *shadow) deliver(of *modelStream, ids []int, entries any, after *standin) {
	want := []any{}
	for _, id := range ids {
		fields := append([]any{"path"}, shadowTask(id)[0], "split", shadowTask(id)[1])
		if of == &s.world.redis.reduces {
			fields = []any{"partition", id - 1}
		}
		want = append(want, []any{idText(id), fields})
	}
	call := fmt.Sprintf("delivery of %s %v", s.key(of), ids)
	s.require(call, entries, nil, want)
	s.comesTo(call, after)
}

// shadowTask is what an entry of the map stream says.
func shadowTask(id int) []any { return []any{fmt.Sprint("path ", id), fmt.Sprint("split ", id)} }

func (s *shadow) read(of *modelStream, consumer nonce, n int, ids []int) {
	s.readGroup(of, consumer, n, ">", ids)
}

func (s *shadow) readOwn(of *modelStream, consumer nonce, ids []int) {
	s.readGroup(of, consumer, protocol.CommitMax, "0", ids)
}

func (s *shadow) readGroup(of *modelStream, consumer nonce, n int, from string, ids []int) {
	reply, after := s.send("XREADGROUP", "GROUP", protocol.Group, consumer, "COUNT", n, "STREAMS", s.key(of), from)
	switch r := reply.(type) {
	case redisError:
		if of.there {
			s.world.fail("the stream of the library is gone: %v", r)
		}
	case nil:
		s.deliver(of, ids, []any{}, after)
	case []any:
		s.deliver(of, ids, r[0].([]any)[1], after)
	}
}

func (s *shadow) steal(of *modelStream, consumer nonce, ids []int) {
	if len(ids) == 1 {
		reply, after := s.send("XAUTOCLAIM", s.key(of), protocol.Group, consumer, 0, idText(ids[0]), "COUNT", 1)
		s.deliver(of, ids, reply.([]any)[1], after)
	}
}

func (s *shadow) deleteMeta() {
	_, after := s.send("DEL", shadowKeys[keyMeta])
	s.comesTo("DEL", after)
}

// The functions of the library.

func (s *shadow) seed(run nonce, first, n int, owner nonce, top int, err error) {
	args := []any{run, s.world.tasks, s.world.partitions, s.world.keep, "store", first}
	for id := first; id < first+n; id++ {
		args = append(args, shadowTask(id)...)
	}
	s.call("seed", err, []any{owner, top, "store", s.world.redis.phase}, args...)
}

// refusal is the answer that says where tasks stand, or else the other one.
func refusal(standings []standing, other []any) []any {
	if standings == nil {
		return other
	}
	answer := []any{"refused"}
	for _, now := range standings {
		answer = append(answer, now.text())
	}
	return answer
}

func (s standing) text() string {
	return map[standing]string{
		isUndelivered: protocol.Undelivered, isPending: protocol.Pending, isSettled: protocol.Settled,
	}[s]
}

// words are a list as of ZADD. What a model counts 0 times has no entry.
func (s *shadow) words(words []int, of counts, countFirst bool) (flat []any) {
	for _, word := range words {
		switch {
		case of[word] == 0:
		case countFirst:
			flat = append(flat, of[word], wordText(word))
		default:
			flat = append(flat, wordText(word), of[word])
		}
	}
	return flat
}

func wordText(word int) string { return "w" + strconv.Itoa(word) }

func (s *shadow) commit(run nonce, ids []int, effect counts, name nonce, standings []standing, err error) {
	args := append([]any{run, len(ids)}, anys(ids)...)
	if s.world.partitions == 0 {
		name = s.world.nonce() // the model has none
	}
	args = append(args, effect.sum(), shadowBytes*effect.sum(), name, "host")
	if s.world.partitions == 0 {
		args = append(args, s.words(effect.ranking(), effect, false)...)
	}
	s.call("commit", err, refusal(standings, []any{"committed"}), args...)
}

func (s *shadow) outputs(run nonce, err error) {
	s.call("outputs", err, []any{s.world.tasks, s.world.redis.shipped.flat(keyOutputs)}, run)
}

// flat is a hash as HGETALL has it. That it is what the model has is compared as the state.
func (r *standin) flat(key int) []any {
	all := []any{}
	for _, f := range r.fields(key) {
		all = append(all, f.name, f.value)
	}
	return all
}

// put is the transaction of a worker: place, and then ZADD and put.
func (s *shadow) put(
	run, attempt nonce, from int, parts, words []int, last bool, totals counts, at int, standings []standing, err error,
) {
	stored := 0
	for _, f := range s.world.redis.shipped.fields(keyMeta) {
		if f.name == fmt.Sprint("storing ", attempt) {
			stored = number(f.value)
		}
	}
	args := append([]any{run, attempt, len(parts)}, anys(parts)...)
	s.answer("place", err, refusal(standings, []any{"at", stored}), args...)
	if list := s.words(words, totals, true); err == nil && len(list) > 0 {
		_, s.world.redis.shipped = s.send("ZADD", append([]any{shadowKeys[keyCounts]}, list...)...)
	}
	want := []any{"at", at}
	if last && stored == from {
		want = []any{"committed"}
	}
	args = append(args, from, len(words), flag(last), s.tokens(parts, totals))
	s.call("put", err, refusal(standings, want), args...)
}

func (s *shadow) tokens(parts []int, totals counts) (n int) {
	for _, part := range parts {
		n += totals.of(part, s.world.partitions).sum()
	}
	return n
}

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (s *shadow) putFiles(run nonce, parts []int, names []nonce, totals counts, standings []standing, err error) {
	args := append([]any{run, len(parts)}, anys(parts)...)
	for i, part := range parts {
		c := totals.of(part, s.world.partitions)
		args = append(args, names[i], len(c.ranking()), c.sum())
	}
	s.call("put_files", err, refusal(standings, []any{"committed"}), args...)
}

func (s *shadow) listResults(run nonce, filled int, full bool, err error) {
	s.call("results", err, []any{filled, flag(full), s.world.redis.shipped.flat(keyResults)}, run)
}

func (s *shadow) fill(run nonce, from int, words []int, last bool, totals counts, filled int, full bool, err error) {
	args := append([]any{run, from, flag(last)}, s.words(words, totals, true)...)
	s.call("fill", err, []any{filled, flag(full)}, args...)
}

func (s *shadow) revoke(run, name nonce, revoked bool, err error) {
	want := "nothing"
	if revoked {
		want = "revoked"
	}
	s.call("revoke", err, want, run, name, "host", "why", s.world.limit)
}

func (s *shadow) setFence(run, fence, stands nonce, err error) {
	m := s.world.redis.modelMeta
	s.call("final", err, []any{stands, m.mapped, m.reduced, m.tokens, shadowBytes * m.tokens, m.stored}, run, fence)
}

func (s *shadow) readResult(fence nonce, err error) {
	c := s.world.redis.counts
	words := s.words(c.rankingAsRedisHasIt(), c, false)
	s.call("result", err, append([]any{}, words...), fence, 0, modelWords)
	s.call("sum", err, []any{len(words) / 2, c.sum()}, fence, 0, modelWords)
}

func (s *shadow) dismiss(fence nonce, err error) { s.call("dismiss", err, "OK", fence) }

func (s *shadow) discard(fence nonce, err error) { s.call("discard", err, "OK", fence, 0) }

func (s *shadow) bury(run nonce, of *modelStream, id int, was standing, err error) {
	want := was.text()
	if was == isPending {
		want = "buried"
	}
	s.call("fail", err, want, run, s.name(of), id, s.world.nonce(), 1, "why")
}

func (s *shadow) requeue(run nonce, n int, err error) { s.call("requeue", err, n, run) }

func (s *shadow) release(run, consumer nonce, held int, err error) {
	s.call("release", err, held, run, consumer, 0)
}

func (s *shadow) renew(run, consumer nonce, of *modelStream, ids []int, held int, err error) {
	s.call("renew", err, held, append([]any{run, consumer, "about", s.name(of)}, anys(ids)...)...)
}

func (s *shadow) clean(run nonce, err error) {
	keys := 0
	if r := s.world.redis.shipped; r != nil {
		keys = len(r.keys)
	}
	if run == 0 {
		s.call("clean", err, keys, "")
	} else {
		s.call("clean", err, keys, run)
	}
}

func anys(ids []int) (all []any) {
	for _, id := range ids {
		all = append(all, id)
	}
	return all
}

// By default 500 schedules are tried, with WORDCOUNT_PROPERTIES=full 100,000.
func TestAnyScheduleOfTheModelIsWhatTheLibraryDoes(t *testing.T) {
	n := 500
	if full() {
		n = 100_000
	}
	l, err := loadLibrary(lua.Wordcount)
	check.Must(t, err)
	check.AnySchedule(t, "./pkg/wordcount/protocol", n, func(t *rapid.T) {
		var s modelSchedule
		copy(s[:], rapid.SliceOfN(rapid.Uint16(), len(s), len(s)).Draw(t, "schedule"))
		if s.playBeside(l, allGuards, false).bad != nil {
			w := s.playBeside(l, allGuards, true)
			t.Fatalf("%v\n%s", w.bad, strings.Join(w.trace, "\n"))
		}
	})
}
