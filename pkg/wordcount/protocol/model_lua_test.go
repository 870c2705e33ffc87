package protocol_test

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// shadow does with the library that ships, lua/wordcount.lua, what the model does. It calls each
// function right after the model does, on a stand-in for Redis, and requires the same answer, and
// then the same state. What the model doesn't know is not compared: see unseenMutants. Nobody in
// the model calls begin_task and status.
//
// What the stand-in has is part of the model's state, so checkpoints and rollbacks are of both.
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

const shadowBytes = 1000 // of input, for each word

// redis is what the stand-in has now.
func (s *shadow) redis() *standin {
	return cmp.Or(s.world.redis.shipped, emptyStandin)
}

var emptyStandin = new(standin).clone()

// call calls a function of the library, and compares the answer and the state. The model's answer
// is want, or else err.
func (s *shadow) call(function string, err error, want any, args ...any) {
	after := s.answer(function, err, want, args...)
	s.comesTo(after, function, args)
}

// answer calls a function of the library, and compares the answer. It returns what Redis has then.
func (s *shadow) answer(function string, err error, want any, args ...any) (after *standin) {
	reply, after := s.library.call(s.redis(), protocol.Function(function), shadowKeys, args...)
	if s.library.broken != nil {
		s.world.bad = s.library.broken
	}
	s.require(reply, err, want, function, args)
	return after
}

// send sends a command.
func (s *shadow) send(command string, args ...any) (reply any, after *standin) {
	return s.library.send(s.redis(), command, args...)
}

func (s *shadow) require(reply any, err error, want any, call ...any) {
	got := fmt.Sprint(reply)
	if err != nil {
		want = err
		got, _, _ = strings.Cut(got, " ")
	}
	if got != fmt.Sprint(want) {
		s.world.fail("%v: the library answers %v, and the model %v", call, reply, want)
	}
}

// comesTo compares the states after a call.
func (s *shadow) comesTo(after *standin, call ...any) {
	s.world.redis.shipped = after
	if library, model := s.stateOf(after), s.world.comparableState(); !reflect.DeepEqual(library, model) {
		s.world.fail("%v: the library comes to %+v, and the model to %+v", call, library, model)
	}
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
		task := shadowTask(id)
		fields := []any{"path", task[0], "split", task[1]}
		if of == &s.world.redis.reduces {
			fields = []any{"partition", id - 1}
		}
		want = append(want, []any{idText(id), fields})
	}
	s.require(entries, nil, want, "delivery of", s.name(of), ids)
	s.comesTo(after, "delivery of", s.name(of), ids)
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
	_, after := s.send("DEL", shadowJob.Key("meta"))
	s.comesTo(after, "DEL meta")
}

// The functions of the library.

func (s *shadow) seed(run nonce, first, n int, owner nonce, top int, err error) {
	args := []any{run, s.world.tasks, s.world.partitions, s.world.keep, "store", "", first}
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

// listOf is a list of words and counts. A word that the model counts 0 times is not in it.
func listOf(words []int, of counts, countFirst bool) (flat []any) {
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
	args = append(args, effect.sum(), shadowBytes*effect.sum(), name, "host", tallyText(len(ids)))
	if s.world.partitions == 0 {
		args = append(args, listOf(effect.ranking(), effect, false)...)
	}
	s.call("commit", err, refusal(standings, []any{"committed"}), args...)
}

func (s *shadow) outputs(run nonce, err error) {
	s.call("outputs", err, []any{s.world.tasks, s.redis().flat("outputs")}, run)
}

// flat is a hash as HGETALL has it. The comparison of the states shows that the model has the same.
func (s *standin) flat(key string) []any {
	all := []any{}
	for _, f := range s.fields(key) {
		all = append(all, f.name, f.value)
	}
	return all
}

// put is the transaction of a worker: place, and then ZADD and put.
func (s *shadow) put(
	run, attempt nonce, from int, parts, words []int, last bool, totals counts, at int, standings []standing, err error,
) {
	stored := 0
	for _, f := range s.redis().fields("meta") {
		if f.name == fmt.Sprint("storing ", attempt) {
			stored = number(f.value)
		}
	}
	args := append([]any{run, attempt, len(parts)}, anys(parts)...)
	s.answer("place", err, refusal(standings, []any{"at", stored}), args...)
	if list := listOf(words, totals, true); err == nil && len(list) > 0 {
		_, s.world.redis.shipped = s.send("ZADD", append([]any{shadowJob.Key("counts")}, list...)...)
	}
	want := []any{"at", at}
	if last && stored == from {
		want = []any{"committed"}
	}
	args = append(args, from, len(words), flag(last), s.tokens(parts, totals))
	s.call("put", err, refusal(standings, want), args...)
}

// tokens is how many words some partitions have.
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
	s.call("results", err, []any{filled, flag(full), s.redis().flat("results")}, run)
}

func (s *shadow) fill(run nonce, from int, words []int, last bool, totals counts, filled int, full bool, err error) {
	args := append([]any{run, from, flag(last)}, listOf(words, totals, true)...)
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
	words := listOf(c.rankingAsRedisHasIt(), c, false)
	s.call("result", err, append([]any{}, words...), fence, 0, modelWords)
	s.call("sum", err, []any{len(words) / 2, c.sum()}, fence, 0, modelWords)
}

func (s *shadow) dismiss(fence nonce, err error) { s.call("dismiss", err, "OK", fence) }

func (s *shadow) discard(fence nonce, records int, err error) {
	s.call("discard", err, "OK", fence, 0, tallyText(records))
}

// tallyText is a tally of the model, which knows the number of records alone: one for each task.
func tallyText(records int) string { return protocol.Tally{Records: uint64(records)}.String() }

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
	name := any(run)
	if run == 0 {
		name = ""
	}
	s.call("clean", err, len(s.redis().keys), name)
}

func anys(ids []int) (all []any) {
	for _, id := range ids {
		all = append(all, id)
	}
	return all
}
