package protocol_test

import (
	"errors"
	"math/bits"
	"slices"
)

const (
	modelWords = 4 // word w is of partition w % partitions
	modelTasks = 3 // at most; partitions are fewer
)

// nonce is a name that was never used before: a run, an output, an attempt, a fence, a consumer.
// 0 is none.
type nonce int

// counts are the words of something, by word.
type counts [modelWords]int

func (c *counts) add(d counts) {
	for w, n := range d {
		c[w] += n
	}
}

func (c counts) sum() (n int) {
	for _, m := range c {
		n += m
	}
	return n
}

// of is the part of c in a partition.
func (c counts) of(part, partitions int) (d counts) {
	for w := part; w < modelWords; w += partitions {
		d[w] = c[w]
	}
	return d
}

// ranking is every word that c has, in the one order of a result: by descending count, those of equal
// count ascending.
func (c counts) ranking() (words []int) {
	for word, n := range c {
		if n > 0 {
			words = append(words, word)
		}
	}
	slices.SortStableFunc(words, func(a, b int) int { return c[b] - c[a] })
	return words
}

// rankingAsRedisHasIt is ranking, but words of equal count are descending.
func (c counts) rankingAsRedisHasIt() []int {
	words := c.ranking()
	slices.Reverse(words)
	slices.SortStableFunc(words, func(a, b int) int { return c[b] - c[a] })
	return words
}

// top is the first n words of c.
func (c counts) top(n int) (d counts) {
	words := c.ranking()
	for _, word := range words[:min(n, len(words))] {
		d[word] = c[word]
	}
	return d
}

// set is a set of small numbers.
type set uint16

func setOf(ids []int) (s set) {
	for _, id := range ids {
		s.add(id)
	}
	return s
}

func (s set) has(n int) bool { return s>>n&1 == 1 }

func (s set) len() int { return bits.OnesCount16(uint16(s)) }

func (s set) top() int { return max(0, bits.Len16(uint16(s))-1) } // 0: empty

func (s *set) add(n int) { *s |= 1 << n }

func (s *set) remove(n int) { *s &^= 1 << n }

type standing int

const (
	isUndelivered standing = iota
	isPending
	isSettled
)

// modelStream is a stream with its group. Its entries are numbered from 1.
type modelStream struct {
	there   bool
	entries set
	last    int // last-delivered-id
	pending set
	owner   [modelTasks + 1]nonce // the consumers of those that are pending; 0: nobody
	free    set                   // those of them that any thief may have at once
}

func (s *modelStream) standing(id int) standing {
	switch {
	case s.pending.has(id):
		return isPending
	case id <= s.last:
		return isSettled
	}
	return isUndelivered
}

// acknowledged are the entries that were given to a consumer and aren't pending any more.
func (s *modelStream) acknowledged() set {
	return s.entries & (1<<(s.last+1) - 1) &^ s.pending
}

func (s *modelStream) give(id int, consumer nonce) {
	s.pending.add(id)
	s.owner[id] = consumer
	s.free.remove(id)
}

// giveToAnybody makes a task pending that nobody holds.
func (s *modelStream) giveToAnybody(id int) {
	s.give(id, 0)
	s.free.add(id)
}

func (s *modelStream) acknowledge(id int) {
	s.pending.remove(id)
	s.owner[id] = 0
	s.free.remove(id)
}

// read gives the consumer n new entries at the most.
func (w *world) read(s *modelStream, consumer nonce, n int) (ids []int) {
	defer w.inLua(func(l *shadow) { l.read(s, consumer, n, ids) })
	for id := s.last + 1; id <= s.entries.top() && len(ids) < n; id++ {
		if s.entries.has(id) {
			s.last = id
			s.give(id, consumer)
			ids = append(ids, id)
		}
	}
	return ids
}

// own are the pending entries of a consumer.
func (s *modelStream) own(consumer nonce) (ids []int) {
	for id := range s.owner {
		if s.pending.has(id) && s.owner[id] == consumer {
			ids = append(ids, id)
		}
	}
	return ids
}

// readOwn gives the consumer its pending entries once more. It may have released them.
func (w *world) readOwn(s *modelStream, consumer nonce) (ids []int) {
	defer w.inLua(func(l *shadow) { l.readOwn(s, consumer, ids) })
	ids = s.own(consumer)
	for _, id := range ids {
		s.give(id, consumer)
	}
	return ids
}

// steal takes the first pending entry after one that the consumer doesn't hold.
func (w *world) steal(s *modelStream, consumer nonce, after int) (ids []int) {
	defer w.inLua(func(l *shadow) { l.steal(s, consumer, ids) })
	for id := after + 1; id < len(s.owner); id++ {
		if s.pending.has(id) && (s.owner[id] != consumer || s.free.has(id)) {
			s.give(id, consumer)
			return []int{id}
		}
	}
	return nil
}

type modelPhase string

const (
	mapping  modelPhase = "map"
	reducing modelPhase = "reduce"
	done     modelPhase = "done"
)

// modelOutput is what Redis knows of a file of map output.
type modelOutput struct {
	name    nonce
	tasks   set
	tokens  int
	records int // of the tally
}

// modelStoring is how many words an attempt to put has stored.
type modelStoring struct {
	attempt nonce
	words   int
}

// modelState is what Redis holds of the job. A copy of it is a checkpoint, because its slices are
// never written to.
type modelState struct {
	modelMeta
	maps, reduces         modelStream
	outputs               []modelOutput
	counts                counts
	deadMaps, deadReduces set
	lost                  [modelTasks + 1]int // how often a task's output was revoked
	results               modelResults
	shipped               *standin // what the library makes of the same calls; nil: nothing
}

// modelResults are the names of the result files, by partition. 0: none.
type modelResults [modelTasks]nonce

// modelMeta is the key meta.
type modelMeta struct {
	there           bool
	run             nonce
	phase           modelPhase
	mapped, reduced int
	tokens, stored  int // words of the committed tasks; and of the stored partitions
	storing         []modelStoring
	filled          int  // words of the top N that are in the sorted set
	full            bool // they are all there
	final           nonce
	dismissed       bool
	discarded       bool // only the invariants ask for it
	records         int  // of the outputs that were discarded
}

// covers tells whether outputs have each of some tasks once, and no others.
func covers(outputs []modelOutput, tasks set) bool {
	var all set
	n := 0
	for _, o := range outputs {
		all |= o.tasks
		n += o.tasks.len()
	}
	return all == tasks && n == tasks.len()
}

// Refusals of the library.
var (
	errModelRun   = errors.New("WCRUN")
	errModelNoJob = errors.New("WCNOJOB")
	errModelPhase = errors.New("WCPHASE")
	errModelFinal = errors.New("WCFINAL")
	errModelArg   = errors.New("WCARG")
	errModelState = errors.New("WCSTATE") // a stream is gone, or what is there contradicts itself
)

// Each method below is a function of the library. It is one call, unless its guard is out.

// open is what every function begins with, but seed, clean and those that have a fence.
func (w *world) open(run nonce) error {
	switch {
	case !w.redis.there:
		return errModelNoJob
	case w.redis.run != run && w.without != ownRun:
		return errModelRun
	case !w.redis.maps.there || !w.redis.reduces.there:
		return errModelState
	}
	return nil
}

func (w *world) seed(run nonce, first, n int) (owner nonce, top int, err error) {
	defer w.inLua(func(l *shadow) { l.seed(run, first, n, owner, top, err) })
	s := &w.redis
	if !s.there {
		if w.without != wipe {
			*s = modelState{shipped: s.shipped}
		}
		s.modelMeta = modelMeta{there: true, run: run}
		s.maps.there, s.reduces.there = true, true
		w.turn()
	}
	if !s.maps.there || !s.reduces.there {
		return 0, 0, errModelState
	}
	if first <= s.maps.entries.top()+1 || w.without == noGap {
		for id := max(first, s.maps.entries.top()+1); id < first+n; id++ {
			s.maps.entries.add(id)
		}
	}
	return s.run, s.maps.entries.top(), nil
}

// turn sets the phase. It follows from two counters.
func (w *world) turn() {
	s := &w.redis
	mapped := s.mapped
	if w.without == deadNotDone {
		mapped += s.deadMaps.len()
	}
	switch {
	case mapped < w.tasks:
		s.phase = mapping
	case s.reduced < w.partitions:
		if s.reduces.entries != 0 && s.phase == mapping && w.without == addOnce {
			w.fail("a call fails half-way: XADD refuses an entry that is there")
			return
		}
		for p := range w.partitions {
			s.reduces.entries.add(p + 1)
		}
		s.phase = reducing
	default:
		s.phase = done
	}
}

// commit acknowledges tasks whose words are in one output. It returns where each task stands if it
// refuses them.
func (w *world) commit(run nonce, ids []int, effect counts, name nonce) (standings []standing, err error) {
	defer w.inLua(func(l *shadow) { l.commit(run, ids, effect, name, standings, err) })
	if err := w.open(run); err != nil {
		return nil, err
	}
	s := &w.redis
	refused := false
	for i, id := range ids {
		if i > 0 && ids[i-1] >= id && w.without != increasing {
			return nil, errModelArg
		}
		standings = append(standings, s.maps.standing(id))
		refused = refused || standings[i] != isPending && w.without != allPending
	}
	if refused {
		return standings, nil
	}
	if w.partitions > 0 && slices.ContainsFunc(s.outputs, func(o modelOutput) bool { return o.name == name }) {
		w.fail("false alarm: output %d has pending tasks", name)
		return nil, errModelState
	}
	for _, id := range ids {
		s.maps.acknowledge(id)
	}
	w.inOneCall(oneCommit, func() {
		if w.partitions == 0 {
			s.counts.add(effect)
		} else {
			s.outputs = append(slices.Clip(s.outputs), modelOutput{name, setOf(ids), effect.sum(), len(ids)})
		}
		s.tokens += effect.sum()
		s.mapped += len(ids)
		w.turn()
		if s.phase == done && w.partitions > 0 && w.without == doneIfStored {
			s.phase = reducing
		}
	})
	return nil, nil
}

// outputs lists the outputs that count.
func (w *world) outputs(run nonce) (all []modelOutput, err error) {
	defer w.inLua(func(l *shadow) { l.outputs(run, err) })
	if err := w.open(run); err != nil {
		return nil, err
	}
	s := &w.redis
	if s.phase == mapping && w.without != notInMap || s.phase == done && w.without != notInDone {
		return nil, errModelPhase
	}
	return s.outputs, nil
}

// put stores words of some partitions, from the one on that the attempt has come to. It is a
// transaction that watches for another run, and writes the words in any case. It notes that they are
// stored only if it refuses nothing, and the last words acknowledge the partitions. put returns how
// many words of the attempt are stored, or where each partition stands.
func (w *world) put(
	run, attempt nonce, from int, parts, words []int, last bool, totals counts,
) (at int, standings []standing, err error) {
	defer w.inLua(func(l *shadow) { l.put(run, attempt, from, parts, words, last, totals, at, standings, err) })
	if err := w.open(run); err != nil {
		return 0, nil, err
	}
	s := &w.redis
	for _, word := range words {
		s.counts[word] = totals[word]
	}
	refused := false
	for _, part := range parts {
		now := s.reduces.standing(part + 1)
		standings = append(standings, now)
		refused = refused || now != isPending && !(now == isSettled && w.without == putPending)
	}
	if refused {
		return 0, standings, nil
	}
	if i := slices.IndexFunc(s.storing, func(a modelStoring) bool { return a.attempt == attempt }); i >= 0 {
		at = s.storing[i].words
	}
	if at != from && w.without != putJoinsOn {
		return at, nil, nil
	}
	at = from + len(words)
	s.storing = slices.DeleteFunc(slices.Clone(s.storing), func(a modelStoring) bool { return a.attempt == attempt })
	if !last {
		s.storing = append(s.storing, modelStoring{attempt, at})
		return at, nil, nil
	}
	for _, part := range parts {
		s.reduces.acknowledge(part + 1)
		s.reduced++
		s.stored += totals.of(part, w.partitions).sum()
	}
	w.turn()
	if s.reduced == w.partitions && w.without == doneIfMapped {
		s.phase = done
	}
	if s.phase == done {
		s.storing = nil
	}
	return at, nil, nil
}

// putFiles names the result files of some partitions, and acknowledges them.
func (w *world) putFiles(run nonce, parts []int, names []nonce, totals counts) (standings []standing, err error) {
	defer w.inLua(func(l *shadow) { l.putFiles(run, parts, names, totals, standings, err) })
	if err := w.open(run); err != nil {
		return nil, err
	}
	s := &w.redis
	refused := false
	for _, part := range parts {
		now := s.reduces.standing(part + 1)
		standings = append(standings, now)
		refused = refused || now != isPending && !(now == isSettled && w.without == putPending)
	}
	if refused {
		return standings, nil
	}
	for i, part := range parts {
		s.reduces.acknowledge(part + 1)
		s.results[part] = names[i]
		s.reduced++
		s.stored += totals.of(part, w.partitions).sum()
	}
	w.turn()
	if s.reduced == w.partitions && w.without == doneIfMapped {
		s.phase = done
	}
	return nil, nil
}

// listResults lists the result files of a job that is done, and tells how far the sorted set has come.
func (w *world) listResults(run nonce) (files modelResults, filled int, full bool, err error) {
	defer w.inLua(func(l *shadow) { l.listResults(run, filled, full, err) })
	if err := w.open(run); err != nil {
		return files, 0, false, err
	}
	s := &w.redis
	if s.phase != done && w.without != listWhenDone {
		return files, 0, false, errModelPhase
	}
	return s.results, s.filled, s.full, nil
}

// fill puts the next words of the top N into the sorted set. It returns how far the set has come.
func (w *world) fill(run nonce, from int, words []int, last bool, totals counts) (filled int, full bool, err error) {
	defer w.inLua(func(l *shadow) { l.fill(run, from, words, last, totals, filled, full, err) })
	if err := w.open(run); err != nil {
		return 0, false, err
	}
	s := &w.redis
	if s.full || s.filled != from && w.without != fillJoinsOn {
		return s.filled, s.full, nil
	}
	for _, word := range words {
		s.counts[word] = totals[word]
	}
	s.filled, s.full = from+len(words), last
	return s.filled, s.full, nil
}

// revoke takes a lost output back: its tasks are pending again, for any worker to steal. A task
// whose outputs are lost too often is buried instead.
func (w *world) revoke(run, name nonce) (revoked bool, err error) {
	defer w.inLua(func(l *shadow) { l.revoke(run, name, revoked, err) })
	s := &w.redis
	if err := w.open(run); err != nil || s.phase == done && w.without != notWhenDone {
		return false, err
	}
	i := slices.IndexFunc(s.outputs, func(o modelOutput) bool {
		return o.name == name || w.without == byName && o.tasks&w.file(name).tasks != 0
	})
	if i < 0 {
		return false, nil
	}
	o := s.outputs[i]
	s.outputs = slices.Delete(slices.Clone(s.outputs), i, i+1)
	if f := w.file(o.name); f.lost && f.store == sharedStore {
		for id := range w.lost {
			if o.tasks.has(id) {
				w.lost[id]++
			}
		}
	}
	w.inOneCall(oneRevoke, func() {
		for id := range s.lost {
			if !o.tasks.has(id) {
				continue
			}
			s.lost[id]++
			if s.lost[id] < w.limit || w.without == limited {
				s.maps.giveToAnybody(id)
				continue
			}
			s.deadMaps.add(id)
			if w.lost[id] < w.limit {
				w.fail("false alarm: task %d is buried for %d lost outputs, and lost %d", id, w.limit, w.lost[id])
			}
		}
		if w.without != takesBack {
			s.mapped -= o.tasks.len()
			s.tokens -= o.tokens
		}
		if w.without != mapIfRevoked {
			w.turn()
		}
	})
	return true, nil
}

// setFence is the function final. It returns the fence that stands, which is the caller's if there
// was none.
func (w *world) setFence(run, fence nonce) (stands nonce, err error) {
	defer w.inLua(func(l *shadow) { l.setFence(run, fence, stands, err) })
	if err := w.open(run); err != nil {
		return 0, err
	}
	s := &w.redis
	if w.without != fenceWhenDone {
		if s.phase != done {
			return 0, errModelPhase
		}
		if s.deadMaps|s.deadReduces != 0 {
			w.fail("false alarm: a job that is done has buried tasks")
			return 0, errModelState
		}
	}
	if w.keep > 0 && !s.full && w.without != fullBeforeFence && w.without != fillBeforeFence {
		return 0, errModelPhase
	}
	if s.final == 0 || w.without == oneFence {
		s.final = fence
	}
	return s.final, nil
}

// fenced is what every function begins with that has a fence. Two of them, result and sum, do
// nothing but read.
func (w *world) fenced(fence nonce) (err error) {
	defer w.inLua(func(l *shadow) { l.readResult(fence, err) })
	switch {
	case !w.redis.there:
		return errModelNoJob
	case w.redis.final != fence:
		return errModelFinal
	}
	return nil
}

func (w *world) dismiss(fence nonce) {
	err := w.fenced(fence)
	defer w.inLua(func(l *shadow) { l.dismiss(fence, err) })
	if err == nil {
		w.redis.dismissed = true
	}
}

func (w *world) discard(fence nonce, records int) (discarded bool) {
	err := w.fenced(fence)
	defer w.inLua(func(l *shadow) { l.discard(fence, records, err) })
	if err == nil || w.redis.there && w.without == dropFenced {
		if w.partitions > 0 {
			w.redis.records = records
		}
		w.redis.outputs, w.redis.lost, w.redis.discarded = nil, [modelTasks + 1]int{}, true
		return true
	}
	return false
}

// bury is the function fail, at the limit.
func (w *world) bury(run nonce, s *modelStream, id int) (was standing, err error) {
	defer w.inLua(func(l *shadow) { l.bury(run, s, id, was, err) })
	if err := w.open(run); err != nil {
		return 0, err
	}
	if was = s.standing(id); was != isPending {
		return was, nil
	}
	s.acknowledge(id)
	if s == &w.redis.maps {
		w.redis.deadMaps.add(id)
	} else {
		w.redis.deadReduces.add(id)
	}
	return was, nil
}

func (w *world) requeue(run nonce) (n int, err error) {
	defer w.inLua(func(l *shadow) { l.requeue(run, n, err) })
	if err := w.open(run); err != nil {
		return 0, err
	}
	s := &w.redis
	n = s.deadMaps.len() + s.deadReduces.len()
	for id := range s.lost {
		if s.deadMaps.has(id) {
			s.maps.giveToAnybody(id)
			s.lost[id] = 0
		}
		if s.deadReduces.has(id) {
			s.reduces.giveToAnybody(id)
		}
	}
	s.deadMaps, s.deadReduces = 0, 0
	return n, nil
}

// renew is a heartbeat. It returns how many of the tasks the consumer still holds.
func (w *world) renew(run, consumer nonce, s *modelStream, ids []int) (held int, err error) {
	defer w.inLua(func(l *shadow) { l.renew(run, consumer, s, ids, held, err) })
	if err := w.open(run); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if s.pending.has(id) && s.owner[id] == consumer {
			s.give(id, consumer)
			held++
		}
	}
	return held, nil
}

// release leaves all that a consumer holds to any thief. Until then it is still the consumer's.
func (w *world) release(run, consumer nonce) (held int, err error) {
	defer w.inLua(func(l *shadow) { l.release(run, consumer, held, err) })
	if err := w.open(run); err != nil {
		return 0, err
	}
	for _, s := range []*modelStream{&w.redis.maps, &w.redis.reduces} {
		for _, id := range s.own(consumer) {
			s.free.add(id)
			held++
		}
	}
	return held, nil
}

// deleteMeta is a mishap, and no function.
func (w *world) deleteMeta() {
	defer w.inLua(func(l *shadow) { l.deleteMeta() })
	w.redis.modelMeta = modelMeta{}
}

// clean deletes the job of a run, or, for 0, of any. The caller deletes its files some time.
func (w *world) clean(run nonce) {
	found := w.redis.modelMeta
	if w.wipeOut(run) != nil {
		return
	}
	w.lose()
	if found.there {
		w.deletions = append(slices.Clip(w.deletions), deletion{found.run, true})
	}
}

// wipeOut is the function clean. A run of 0 is any.
func (w *world) wipeOut(run nonce) (err error) {
	defer w.inLua(func(l *shadow) { l.clean(run, err) })
	if run != 0 && w.redis.there && w.redis.run != run {
		return errModelRun
	}
	w.redis.modelMeta = modelMeta{}
	w.inOneCall(oneClean, func() {
		w.redis.maps, w.redis.reduces = modelStream{}, modelStream{}
		w.inOneCall(oneClean, func() {
			s := &w.redis
			s.outputs, s.counts, s.deadMaps, s.deadReduces, s.lost = nil, counts{}, 0, 0, [modelTasks + 1]int{}
			s.results = modelResults{}
		})
	})
	return nil
}

// inOneCall does the rest of a call at once, or some time if a guard is out.
func (w *world) inOneCall(g guard, rest func()) {
	if w.without == g {
		w.torn = append(w.torn, rest)
	} else {
		rest()
	}
}
