package protocol_test

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"pgregory.net/rapid"
)

// The model is the protocol without Redis, files and time: what the library's functions do to a
// job's keys, and what workers and supervisors make of the answers. Anything may happen between any
// two calls: replies are lost, actors sleep and come back, Redis loses what it likes, tasks are
// stolen without a lease, the job is cleaned, its files change behind equal sizes and times.
//
// Every state that Redis comes back to is one that it was in: a log that was torn in the middle of
// a call is not modelled. What notices one at the seal and before must never speak up here, which
// the invariants and every merge see to. Counters are plain variables, for a call is atomic:
// whether it increments them or writes the new value makes no difference.
//
// Each guard of the protocol can be taken out, and each is there because the model fails without
// it. That is itself a test: it shows that the properties look where the mistakes would be.

const (
	modelWords    = 4 // word w is of partition w % reducers
	modelTasks    = 4 // at most
	modelWorkers  = 3
	modelSteps    = 100
	modelSchedule = 3 * modelSteps // choices; a step takes about three
	modelRounds   = 60             // in which a job must finish once nothing goes wrong any more
)

// guards are what the protocol forbids; the zero value has all of them. See lua/wordcount.lua.
type guards struct {
	anyRun       bool // commit, partition and put take another run's calls
	repeatedIDs  bool // a batch may name a task twice
	notPending   bool // a batch is committed whatever its tasks' standing
	tornCommit   bool // acknowledging and applying are two calls
	gaps         bool // a chunk is appended even if it does not join on
	noWipe       bool // seeding leaves what it finds without meta
	givenAnyTime bool // partial counts are given out whether or not their partition is pending
	pages        bool // partial counts are read blob by blob
	putTwice     bool // totals are taken whether or not the task is pending
	looseJoin    bool // a call of a put is taken wherever it begins
	looseBring   bool // and one of a commit
	countAll     bool // partial counts of attempts that are not committed count
	oldNonce     bool // an attempt to commit keeps its name when it brings other counts
	deadIsDone   bool // a buried task counts as mapped
	finalAnyTime bool // the result is fenced in any phase
	newFence     bool // who seals sets a fence of its own, though there is one
	noFence      bool // the result is read without a fence
	lateDiscard  bool // partial counts are discarded without a fence
	tornClean    bool // a job is deleted key by key
	earlierSave  bool // sealing is content with a checkpoint that began before it
	orphansLive  bool // a save goes on when its server is killed, and ends some time after the next one has begun
	adopt        bool // a supervisor takes over a run that its folder does not know
	keepTable    bool // a worker takes settled tasks off its list and leaves them in its table
	leaveIdle    bool // a worker leaves when nothing is pending
	noTheft      bool // nobody takes a dead worker's tasks
}

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
func (c counts) of(part, reducers int) (d counts) {
	for w := part; w < modelWords; w += reducers {
		d[w] = c[w]
	}
	return d
}

// content is what a task's split holds in a generation of the files. The sums of different sets of
// tasks differ.
func content(generation, task int) (c counts) {
	for w := range c {
		c[w] = 1 << (3 * (task - 1)) * (1 + (task+w+3*generation)%6)
	}
	return c
}

// set is a set of small numbers.
type set uint16

func (s set) has(n int) bool { return s>>n&1 == 1 }

func (s set) len() int { return bits.OnesCount16(uint16(s)) }

func (s set) top() int { return bits.Len16(uint16(s)) - 1 } // -1: empty

func (s set) each() (all []int) {
	for n := range 16 {
		if s.has(n) {
			all = append(all, n)
		}
	}
	return all
}

func (s *set) add(n int) { *s |= 1 << n }

func (s *set) remove(n int) { *s &^= 1 << n }

// stream is a stream with its group.
type stream struct {
	there   bool
	entries set
	last    int // last-delivered-id
	pending set
	owner   [modelTasks + 1]int // consumers of the pending
}

func (s *stream) standing(id int) string {
	switch {
	case s.pending.has(id):
		return protocol.Pending
	case id <= s.last:
		return protocol.Settled
	}
	return protocol.Undelivered
}

// delivered are the entries that were given to somebody.
func (s *stream) delivered() set { return s.entries & (1<<(s.last+1) - 1) }

func (s *stream) acknowledged() set { return s.delivered() &^ s.pending }

// state is what Redis holds of the job. A copy of it is a checkpoint: its slices are never written
// to.
type modelState struct {
	there           bool // meta is
	run             int
	phase           protocol.Phase
	mapped, reduced int
	tokens, put     int // words of committed tasks; and of stored partitions
	final           int
	released        bool
	maps, reduces   stream
	parts           [2][]partials
	commits         map[int]modelCommit // by attempt
	storing         map[int]int         // attempt to put → words stored; never written to, like the other and the slices
	counts          counts
	dead            set // of the maps
}

// partials are what an attempt to commit has brought a partition.
type partials struct {
	attempt int
	counts
}

// modelCommit is how far an attempt to commit has come.
type modelCommit struct {
	brought int // partitions that have its partials
	tasks   set // if any, it is committed
}

// covered tells whether the committed attempts have each of some tasks once, and no others.
func (s *modelState) covered(tasks set) bool {
	var all set
	n := 0
	for _, c := range s.commits {
		all |= c.tasks
		n += c.tasks.len()
	}
	return all == tasks && n == tasks.len()
}

// Errors of the library.
var (
	errModelRun   = errors.New("WCRUN")
	errModelNoJob = errors.New("WCNOJOB")
	errModelPhase = errors.New("WCPHASE")
	errModelFinal = errors.New("WCFINAL")
	errModelArg   = errors.New("WCARG")
	errModelState = errors.New("WCSTATE") // a stream is gone, or tasks are pending out of their phase
)

// world is a job, everybody at it, and everything that can happen to it.
type world struct {
	guards
	tasks, reducers int
	generation      int         // of the files
	generations     map[int]int // run → generation at its start
	nonces          int

	redis     modelState
	past      []modelState // every state that a resync may bring back
	saved     []modelState // checkpoints, complete; the first is nothing at all
	disk      modelState   // the newest of them, as dump.rdb
	saving    *modelState  // under way
	orphans   []modelState // under way, of servers that were killed
	saves     int
	rollbacks int
	losses    int      // rollbacks, and whatever else takes keys away
	torn      []func() // second halves of calls that should have been one

	workers     [modelWorkers]*modelWorker
	consumers   int
	supervisors [2]*modelSupervisor
	folders     [2]*int // the run that a folder knows; 0: none
	published   bool    // in this generation of the files
	alarm       error   // somebody was told that the job contradicts itself
	trace       []string
}

func newWorld(g guards, pick func(int) int) *world {
	w := &world{guards: g, tasks: 1 + pick(modelTasks), reducers: pick(3), generations: map[int]int{}, saved: []modelState{{}}}
	w.folders = [2]*int{new(int), new(int)}
	if pick(2) == 0 {
		w.folders[1] = w.folders[0]
	}
	for i := range w.supervisors {
		w.restart(i)
	}
	return w
}

func (w *world) nonce() int { w.nonces++; return w.nonces }

// total is the serial count of a generation.
func (w *world) total(generation int) (c counts) {
	for t := 1; t <= w.tasks; t++ {
		c.add(content(generation, t))
	}
	return c
}

func (w *world) allTasks() set { return 1<<(w.tasks+1) - 2 }

// raise notes that the job seems to contradict itself, if nobody has said so before.
func (w *world) raise(format string, args ...any) {
	if w.alarm == nil {
		w.alarm = fmt.Errorf("false alarm: "+format, args...)
	}
}

// ---- The library: each method is a call, and is as atomic as its guards say.

// open is what every function but seed and clean begins with.
func (w *world) open(run int) error {
	if !w.redis.there {
		return errModelNoJob
	}
	if w.redis.run != run && !w.anyRun {
		return errModelRun
	}
	if !w.redis.maps.there || !w.redis.reduces.there {
		return errModelState
	}
	return nil
}

func (w *world) seed(run, first, n int) (owner, top int, err error) {
	s := &w.redis
	if !s.there {
		if !w.noWipe {
			*s = modelState{}
		}
		s.there, s.run, s.phase, s.mapped, s.reduced, s.tokens, s.put = true, run, "map", 0, 0, 0, 0
		s.final, s.released = 0, false
		s.maps.there, s.reduces.there = true, true
	} else if !s.maps.there || !s.reduces.there {
		return 0, 0, errModelState
	}
	if first <= s.maps.entries.top()+1 || s.maps.entries == 0 && first == 1 || w.gaps {
		for id := first; id < first+n; id++ {
			if id > s.maps.entries.top() {
				s.maps.entries.add(id)
			}
		}
	}
	return s.run, max(0, s.maps.entries.top()), nil
}

func (w *world) flip() {
	if w.reducers == 0 {
		w.redis.phase = "done"
		return
	}
	for p := range w.reducers {
		w.redis.reduces.entries.add(p + 1)
	}
	w.redis.phase = "reduce"
}

// commit brings the partials of partitions, from the one on that the attempt has come to; with the
// last of them, and without reducers at once, the tasks are acknowledged. It returns how far the
// attempt has come, or -1 if that was all.
func (w *world) commit(run int, ids []int, effect counts, attempt, from, to int) (at int, standings []string, err error) {
	if err := w.open(run); err != nil {
		return 0, nil, err
	}
	s := &w.redis
	refused := false
	for i, id := range ids {
		if i > 0 && ids[i-1] >= id && !w.repeatedIDs {
			return 0, nil, errModelArg
		}
		standings = append(standings, s.maps.standing(id))
		refused = refused || standings[i] != protocol.Pending && !w.notPending
	}
	if refused {
		return 0, standings, nil
	}
	if s.phase != "map" {
		w.raise("tasks %v are pending in phase %s", ids, s.phase)
		return 0, nil, errModelState
	}
	note := func(c modelCommit) {
		s.commits = maps.Clone(s.commits)
		if s.commits == nil {
			s.commits = map[int]modelCommit{}
		}
		s.commits[attempt] = c
	}
	if w.reducers > 0 {
		if brought := s.commits[attempt].brought; from != brought && !w.looseBring {
			return brought, nil, nil
		}
		for p := from; p < to; p++ {
			s.parts[p] = append(slices.Clip(s.parts[p]), partials{attempt, effect.of(p, w.reducers)})
		}
		if to < w.reducers {
			note(modelCommit{brought: to})
			return to, nil, nil
		}
	}
	for _, id := range ids {
		s.maps.pending.remove(id)
	}
	apply := func() {
		if w.reducers == 0 {
			s.counts.add(effect)
		}
		var tasks set
		for _, id := range ids {
			tasks.add(id)
		}
		note(modelCommit{brought: w.reducers, tasks: tasks})
		s.tokens += effect.sum()
		s.mapped += len(ids)
		done := s.mapped
		if w.deadIsDone {
			done += s.dead.len()
		}
		if done == w.tasks {
			w.flip()
		}
	}
	if w.tornCommit {
		w.torn = append(w.torn, apply)
	} else {
		apply()
	}
	return -1, nil, nil
}

// merged adds up the partial counts that count.
func (w *world) merged(all []partials) (c counts) {
	for _, b := range all {
		if w.redis.commits[b.attempt].tasks != 0 || w.countAll {
			c.add(b.counts)
		}
	}
	return c
}

// partition returns the sum of a partition's partial counts; with pages, one of them and whether
// there are more.
func (w *world) partition(run, part, page int) (sum counts, more bool, err error) {
	if err := w.open(run); err != nil {
		return sum, false, err
	}
	if w.redis.reduces.standing(part+1) != protocol.Pending && !w.givenAnyTime {
		return sum, false, errModelPhase
	}
	if !w.redis.covered(w.allTasks()) {
		w.raise("partition %d is read, and the commits are %v", part, w.redis.commits)
	}
	all := w.redis.parts[part]
	if w.pages {
		if page >= len(all) {
			return sum, false, nil
		}
		return w.merged(all[page : page+1]), true, nil
	}
	return w.merged(all), false, nil
}

// wordsOf are the words of some partitions, in the order in which every attempt stores them.
func (w *world) wordsOf(parts []int) (words []int) {
	for word := range modelWords {
		if slices.Contains(parts, word%w.reducers) {
			words = append(words, word)
		}
	}
	return words
}

// put is a transaction that watches for another run: the words of some partitions, from the one on
// that the attempt has come to, are written whatever else is so; that they are stored, and with the
// last of them, that the partitions are acknowledged and their partial counts gone, is noted only
// where all is as it should be.
func (w *world) put(run, attempt, from int, parts, words []int, last bool, totals counts) (at int, standings []string, err error) {
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
		if s.phase == "map" {
			now = protocol.Undelivered
		}
		standings = append(standings, now)
		refused = refused || now != protocol.Pending && !(w.putTwice && s.phase != "map")
	}
	if refused {
		return 0, standings, nil
	}
	if s.phase != "reduce" {
		w.raise("partitions %v are pending in phase %s", parts, s.phase)
		return 0, nil, errModelState
	}
	if s.storing[attempt] != from && !w.looseJoin {
		return s.storing[attempt], nil, nil
	}
	s.storing = maps.Clone(s.storing)
	if !last {
		if s.storing == nil {
			s.storing = map[int]int{}
		}
		s.storing[attempt] = from + len(words)
		return s.storing[attempt], nil, nil
	}
	delete(s.storing, attempt)
	for _, part := range parts {
		s.reduces.pending.remove(part + 1)
		s.parts[part] = nil
		s.reduced++
		s.put += totals.of(part, w.reducers).sum()
	}
	if s.reduced == w.reducers {
		s.phase = "done"
	}
	return from + len(words), nil, nil
}

// fence returns the fence that stands, which is the caller's if there was none.
func (w *world) fence(run, nonce int) (fence, tokens int, err error) {
	if err := w.open(run); err != nil {
		return 0, 0, err
	}
	if w.redis.phase != "done" && !w.finalAnyTime {
		return 0, 0, errModelPhase
	}
	if w.redis.final == 0 || w.newFence {
		w.redis.final = nonce
	}
	return w.redis.final, w.redis.tokens, nil
}

func (w *world) fenced(nonce int) error {
	switch {
	case !w.redis.there:
		return errModelNoJob
	case w.redis.final != nonce:
		return errModelFinal
	}
	return nil
}

func (w *world) result(nonce, word int) (int, error) {
	if err := w.fenced(nonce); err != nil && !w.noFence {
		return 0, err
	}
	return w.redis.counts[word], nil
}

func (w *world) release(nonce int) {
	if w.fenced(nonce) == nil {
		w.redis.released = true
	}
}

func (w *world) discard(nonce int) {
	if w.fenced(nonce) == nil || w.lateDiscard && w.redis.there {
		w.redis.parts = [2][]partials{}
	}
}

func (w *world) bury(run, id int) {
	if w.open(run) == nil && w.redis.maps.pending.has(id) {
		w.redis.maps.pending.remove(id)
		w.redis.dead.add(id)
	}
}

func (w *world) requeue(run int) {
	if w.open(run) != nil {
		return
	}
	for _, id := range w.redis.dead.each() {
		w.redis.maps.pending.add(id)
		w.redis.maps.owner[id] = -1
	}
	w.redis.dead = 0
}

func (w *world) clean() {
	w.losses++
	if !w.tornClean {
		w.redis = modelState{}
		return
	}
	w.redis.there = false
	w.torn = append(w.torn, func() {
		w.redis.maps, w.redis.reduces = stream{}, stream{}
		w.torn = append(w.torn, func() { w.redis.counts, w.redis.parts, w.redis.dead = counts{}, [2][]partials{}, 0 })
	})
}

// read is XREADGROUP: new entries of a stream, or the consumer's own pending ones.
func (s *stream) read(consumer, n int) (ids []int) {
	for _, id := range s.entries.each() {
		if id > s.last && len(ids) < n {
			s.last = id
			s.pending.add(id)
			s.owner[id] = consumer
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *stream) own(consumer int) (ids []int) {
	for _, id := range s.pending.each() {
		if s.owner[id] == consumer {
			ids = append(ids, id)
		}
	}
	return ids
}

// steal takes the first pending entry after one.
func (s *stream) steal(consumer, after int) (ids []int) {
	for _, id := range s.pending.each() {
		if id > after && s.owner[id] != consumer {
			s.owner[id] = consumer
			return []int{id}
		}
	}
	return nil
}

// ---- Workers

type modelWorker struct {
	*world
	consumer   int
	run        int // 0: has not looked yet
	todo       []int
	held       []int // in table
	table      counts
	committing int   // the attempt to commit that; 0: not begun
	brought    int   // how many partitions have its partials
	reduces    []int // partitions to reduce + 1
	parts      []int // those of them that are being reduced together
	attempt    int   // to store them
	merging    int   // how many of parts are merged
	page       int   // of the next
	totals     counts
	stored     int  // words
	released   bool // has left: the job is sealed
	left       bool // has left because nothing was to do
}

func (w *world) hire(i int) {
	w.consumers++
	w.workers[i] = &modelWorker{world: w, consumer: w.consumers}
}

func (k *modelWorker) forget() { *k = modelWorker{world: k.world, consumer: k.consumer} }

// look binds the worker to the run that is there, or starts it afresh when that is another one.
func (k *modelWorker) look() {
	switch {
	case !k.redis.there:
		k.forget()
	case k.run == 0:
		k.run = k.redis.run
	case k.run != k.redis.run:
		k.consumers++
		*k = modelWorker{world: k.world, consumer: k.consumers, run: k.redis.run}
	case k.redis.released:
		k.released = true
	case k.leaveIdle && len(k.todo)+len(k.held)+len(k.reduces) == 0 && k.redis.maps.pending|k.redis.reduces.pending == 0:
		k.left = true
	}
}

// take keeps tasks that are new to the worker; a sloppy one keeps all.
func (k *modelWorker) take(ids []int, sloppy bool) {
	for _, id := range ids {
		if sloppy || !slices.Contains(k.todo, id) && !slices.Contains(k.held, id) {
			k.todo = append(k.todo, id)
		}
	}
}

func (k *modelWorker) takeReduces(ids []int) {
	for _, id := range ids {
		if !slices.Contains(k.reduces, id) {
			k.reduces = append(k.reduces, id)
		}
	}
}

func (k *modelWorker) count() {
	id := k.todo[0]
	k.todo = k.todo[1:]
	k.held = append(k.held, id)
	k.table.add(content(k.generation, id))
	k.begin()
}

// begin makes what is committed next another attempt.
func (k *modelWorker) begin() {
	if !k.oldNonce {
		k.committing, k.brought = 0, 0
	}
}

func (k *modelWorker) empty() { k.held, k.table = nil, counts{}; k.begin() }

// commitHeld brings what is held to the next n partitions at the most.
func (k *modelWorker) commitHeld(n int, lost bool) {
	slices.Sort(k.held)
	if k.committing == 0 {
		k.committing = k.nonce()
	}
	at, standings, err := k.commit(k.run, k.held, k.table, k.committing, k.brought, min(k.brought+n, k.reducers))
	switch {
	case lost: // and tried again, some time
	case errors.Is(err, errModelRun):
		k.look()
	case err != nil:
		k.forget()
	case standings == nil && at >= 0:
		k.brought = at
	case standings == nil:
		k.empty()
	case k.keepTable && slices.Contains(standings, protocol.Pending):
		var still []int
		for i, id := range k.held {
			if standings[i] == protocol.Pending {
				still = append(still, id)
			}
		}
		k.held = still
	default:
		held := k.held
		k.empty()
		for i, id := range held {
			if standings[i] == protocol.Pending {
				k.todo = append(k.todo, id)
			}
		}
	}
}

// merge reads partial counts of a partition: all of them, or a page. It begins with n partitions at
// the most.
func (k *modelWorker) merge(n int) {
	if k.parts == nil {
		for _, id := range k.reduces[:min(n, len(k.reduces))] {
			k.parts = append(k.parts, id-1)
		}
		k.attempt, k.merging, k.page, k.totals, k.stored = k.nonce(), 0, 0, counts{}, 0
	}
	sum, more, err := k.partition(k.run, k.parts[k.merging], k.page)
	if err != nil {
		k.dropReduces(nil, err)
		return
	}
	k.totals.add(sum)
	if k.page++; !more {
		k.merging, k.page = k.merging+1, 0
	}
}

func (k *modelWorker) mergedAll() bool { return k.parts != nil && k.merging == len(k.parts) }

// store stores the next n words at the most.
func (k *modelWorker) store(n int, lost bool) {
	words := k.wordsOf(k.parts)
	next := words[k.stored:min(k.stored+n, len(words))]
	last := k.stored+len(next) == len(words)
	at, standings, err := k.put(k.run, k.attempt, k.stored, k.parts, next, last, k.totals)
	switch {
	case lost: // and tried again, some time
	case err != nil, standings != nil:
		k.dropReduces(standings, err)
	case last && at == len(words):
		k.dropReduces(nil, nil)
	default:
		k.stored = at
	}
}

// dropReduces is done with the partitions in hand, as far as this worker is concerned, but for
// those that are pending.
func (k *modelWorker) dropReduces(standings []string, err error) {
	for i, part := range k.parts {
		if standings == nil || standings[i] != protocol.Pending {
			k.reduces = slices.DeleteFunc(k.reduces, func(id int) bool { return id == part+1 })
		}
	}
	k.parts = nil
	switch {
	case errors.Is(err, errModelRun):
		k.look()
	case errors.Is(err, errModelNoJob):
		k.forget()
	}
}

// step does one thing, as a worker whom nothing hinders would.
func (k *modelWorker) step() {
	switch {
	case k.left, k.released:
	case k.run == 0:
		k.look()
	case len(k.todo) > 0:
		k.count()
	case len(k.held) > 0:
		k.commitHeld(2, false)
	case k.mergedAll():
		k.store(2, false)
	case len(k.reduces) > 0:
		k.merge(2)
	default:
		m, r := &k.redis.maps, &k.redis.reduces
		k.take(m.own(k.consumer), false)
		k.takeReduces(r.own(k.consumer))
		if len(k.todo)+len(k.reduces) == 0 {
			k.take(m.read(k.consumer, 2), false)
		}
		if len(k.todo)+len(k.reduces) == 0 {
			k.takeReduces(r.read(k.consumer, 2))
		}
		if len(k.todo)+len(k.reduces) == 0 && !k.noTheft {
			k.take(m.steal(k.consumer, 0), false)
			k.takeReduces(r.steal(k.consumer, 0))
		}
		if len(k.todo)+len(k.reduces) == 0 {
			k.look()
		}
	}
}

// any does one thing, whatever comes to its mind.
func (k *modelWorker) any(pick func(int) int) string {
	m, r := &k.redis.maps, &k.redis.reduces
	lost := pick(4) == 0
	switch pick(12) {
	case 0:
		k.look()
		return "looks"
	case 1, 2:
		ids := m.read(k.consumer, 1+pick(2))
		if !lost && k.run != 0 {
			k.take(ids, false)
		}
		return fmt.Sprint("reads ", ids, " lost: ", lost)
	case 3:
		if k.run != 0 {
			ids := m.own(k.consumer)
			k.take(ids, lost)
			k.takeReduces(r.own(k.consumer))
			return fmt.Sprint("reads its own ", ids, " sloppily: ", lost)
		}
	case 4:
		if k.run != 0 && !k.noTheft {
			ids := m.steal(k.consumer, pick(modelTasks))
			k.take(ids, false)
			return fmt.Sprint("steals ", ids)
		}
	case 5:
		if k.run != 0 && !k.noTheft {
			ids := r.steal(k.consumer, pick(2))
			k.takeReduces(ids)
			return fmt.Sprint("steals partitions ", ids)
		}
	case 6, 7:
		if len(k.todo) > 0 {
			k.count()
			return fmt.Sprint("has counted ", k.held)
		}
	case 8:
		if len(k.held) > 0 {
			what := fmt.Sprint("commits ", k.held, " from partition ", k.brought, " lost: ", lost)
			k.commitHeld(1+pick(2), lost)
			return what
		}
	case 9:
		ids := r.read(k.consumer, 1+pick(2))
		if !lost && k.run != 0 {
			k.takeReduces(ids)
		}
		return fmt.Sprint("reads partitions ", ids, " lost: ", lost)
	case 10:
		if len(k.reduces) > 0 {
			if !k.mergedAll() {
				k.merge(1 + pick(2))
				return fmt.Sprint("merges partitions ", k.parts)
			}
			what := fmt.Sprint("stores partitions ", k.parts, " from ", k.stored, " lost: ", lost)
			k.store(1+pick(3), lost)
			return what
		}
	case 11:
		if len(k.todo) > 0 && pick(4) == 0 {
			id := k.todo[0]
			k.todo = k.todo[1:]
			k.bury(k.run, id)
			return fmt.Sprint("buries ", id)
		}
	}
	return ""
}

// ---- Supervisors

type modelSupervisor struct {
	*world
	folder *int
	mine   int
	known  bool
	top    int // -1: not asked yet
	seeded bool

	done     bool // when last looked
	fence    int  // 0: not sealing
	tokens   int
	began    int  // the saves when ours began; -1: it did not
	durable  bool // saved since
	word     int  // next to read
	counts   counts
	since    int // the rollbacks when the fence was set
	before   int // the losses
	sealed   bool
	released bool
}

// restart is the death of a supervisor and the birth of another in the same folder, with its
// workers.
func (w *world) restart(i int) {
	w.supervisors[i] = &modelSupervisor{world: w, folder: w.folders[i]}
	w.supervisors[i].begin()
	for j, k := range w.workers {
		if k == nil || k.left || k.released {
			w.hire(j)
		}
	}
}

func (v *modelSupervisor) begin() {
	v.seeded, v.top, v.done, v.fence = false, -1, false, 0
	v.mine, v.known = *v.folder, *v.folder != 0
	if !v.known {
		v.mine = v.nonce()
		v.generations[v.mine] = v.generation
	}
}

// seedSome makes one call.
func (v *modelSupervisor) seedSome(lost bool) {
	n := 0
	if v.top >= 0 {
		n = min(2, v.tasks-v.top)
	}
	owner, top, err := v.seed(v.mine, max(v.top, 0)+1, n)
	switch {
	case lost:
		return
	case err != nil:
		// A stream is gone and meta is not: only a clean key by key leaves that. People would clean
		// again.
		v.losses++
		v.redis = modelState{}
		v.begin()
		return
	case owner != v.mine && v.known && !v.adopt:
		if v.redis.run == owner {
			v.clean()
		}
		v.top = -1
		return
	}
	v.mine, v.top = owner, top
	if v.top >= v.tasks {
		*v.folder, v.known, v.seeded = v.mine, true, true
	}
}

// sealSome makes one step of sealing; any refusal takes it back to watching.
func (v *modelSupervisor) sealSome() error {
	switch {
	case v.sealed && !v.released:
		v.release(v.fence)
		v.released = true
	case v.sealed:
		v.discard(v.fence)
	case v.fence == 0:
		fence, tokens, err := v.world.fence(v.mine, v.nonce())
		v.done = false
		if err == nil {
			v.fence, v.tokens, v.began, v.durable, v.word, v.counts = fence, tokens, -1, false, 0, counts{}
			v.since, v.before = v.rollbacks, v.losses
		}
	case v.began < 0:
		if v.saving == nil {
			v.save()
			v.began = v.saves
		} else if v.earlierSave {
			v.began = v.saves
		}
	case !v.durable:
		if v.saves > v.began {
			v.durable = true
		} else if v.saving == nil {
			v.began = -1 // it failed
		}
	case v.word < modelWords:
		for range modelWords / 2 {
			n, err := v.result(v.fence, v.word)
			if err != nil {
				v.fence = 0
				return nil
			}
			v.counts[v.word] = n
			v.word++
		}
	default:
		if s := &v.redis; !v.noFence && s.final == v.fence && (!s.covered(v.allTasks()) || s.mapped != v.tasks || s.reduced != v.reducers ||
			v.reducers > 0 && s.put != s.tokens) {
			return fmt.Errorf("false alarm: %+v is not complete", s)
		}
		if !v.noFence && v.counts.sum() != v.tokens {
			return fmt.Errorf("false alarm: %v do not add up to %d", v.counts, v.tokens)
		}
		if want := v.total(v.generation); v.counts != want {
			return fmt.Errorf("published %v instead of %v", v.counts, want)
		}
		v.sealed, v.published = true, true
		return v.lasts()
	}
	return nil
}

// lasts tells whether what was published survives the next crash. Another folder's supervisor may
// have fenced it since, and has our result then.
func (v *modelSupervisor) lasts() error {
	if v.sealed && v.since == v.rollbacks && v.redis.final == v.fence && v.disk.final != v.fence {
		return fmt.Errorf("published, and the next crash takes it away: the checkpoint has %+v", v.disk)
	}
	return nil
}

// step does one thing, as a supervisor whom nothing hinders would.
func (v *modelSupervisor) step() error {
	s := &v.redis
	// Workers may have been dismissed from a job that is not sealed after all, or by a run that this
	// supervisor does not know.
	for i, k := range v.workers {
		if k.released && !v.sealed {
			v.hire(i)
		}
	}
	switch {
	case v.sealed:
		return v.sealSome()
	case v.seeded && (!s.there || s.run != v.mine || s.maps.entries.top() < v.tasks):
		v.begin()
		v.seedSome(false)
	case !v.seeded:
		v.seedSome(false)
	case v.fence != 0 || v.done:
		return v.sealSome()
	default:
		v.done = s.phase == "done"
	}
	return nil
}

// ---- Redis and people

func (w *world) save() {
	now := w.redis
	w.saving = &now
}

func (w *world) saveDone() {
	if w.saving != nil {
		w.disk, w.saving = *w.saving, nil
		w.saved = append(w.saved, w.disk)
		w.saves++
	}
}

// orphanDone is the end of a save that outlived its server: its file takes the place of what may be
// a newer checkpoint. Any complete checkpoint is good enough to go on from; but one that a seal
// relied on must not be replaced.
func (w *world) orphanDone() {
	w.disk, w.orphans = w.orphans[0], w.orphans[1:]
}

// crash restarts Redis from a checkpoint.
func (w *world) crash(dump modelState) {
	w.rollbacks++
	w.losses++
	if w.saving != nil && w.orphansLive {
		w.orphans = append(w.orphans, *w.saving)
	}
	w.redis, w.disk, w.saving = dump, dump, nil
	w.torn = nil
}

// act lets one thing happen, and says what.
func (w *world) act(pick func(int) int) (what string, err error) {
	switch pick(17) {
	case 0: // nothing: what rapid makes smaller becomes shorter
	case 1, 2, 3, 4, 5, 6, 7, 16:
		i := pick(modelWorkers)
		k := w.workers[i]
		switch {
		case k.left, k.released:
		case pick(24) == 0:
			w.hire(i)
			return fmt.Sprint("worker ", i, " dies"), nil
		case pick(3) == 0:
			steps := 1 + pick(5)
			for range steps {
				k.step()
			}
			return fmt.Sprint("worker ", i, " goes on, steps: ", steps), nil
		default:
			if what := k.any(pick); what != "" {
				return fmt.Sprint("worker ", i, " ", what), nil
			}
		}
	case 8, 9, 10:
		i := pick(2)
		v := w.supervisors[i]
		switch pick(8) {
		case 0:
			v.seedSome(pick(2) == 0)
			return fmt.Sprint("supervisor ", i, " seeds"), nil
		case 1:
			if v.fence != 0 || v.done {
				return fmt.Sprint("supervisor ", i, " seals"), v.sealSome()
			}
		case 2:
			if pick(6) == 0 {
				w.restart(i)
				return fmt.Sprint("supervisor ", i, " dies"), nil
			}
		default:
			steps := 1 + pick(6)
			for range steps {
				err = errors.Join(err, v.step())
			}
			return fmt.Sprint("supervisor ", i, " goes on, steps: ", steps), err
		}
	case 11:
		if w.saving == nil {
			w.save()
			return "a save begins", nil
		}
		w.saveDone()
		return "a save ends", nil
	case 12:
		if len(w.orphans) > 0 && pick(2) == 0 {
			w.orphanDone()
			return "an orphaned save ends", errors.Join(w.supervisors[0].lasts(), w.supervisors[1].lasts())
		}
		w.saveDone()
		return "a save ends", nil
	case 13:
		switch pick(4) {
		case 0:
			w.crash(w.disk)
			return "redis crashes", nil
		case 1:
			w.crash(w.saved[pick(len(w.saved))])
			return "redis crashes, an earlier checkpoint is restored", nil
		case 2:
			// A master that was demoted and comes back from a lagging replica keeps its run_id, and
			// its saves go on.
			w.rollbacks++
			w.losses++
			w.redis, w.torn = w.past[len(w.past)-1-pick(min(len(w.past), 200))], nil
			return "redis is back at an earlier state", nil
		}
	case 14:
		switch pick(12) {
		case 0:
			w.losses++
			w.redis.there = false
			return "somebody deletes meta", nil
		case 1:
			w.clean()
			return "somebody cleans", nil
		case 2:
			// The files change; who cares starts anew. Workers may sleep through it all.
			w.clean()
			w.generation++
			w.published = false
			run := w.nonce()
			w.generations[run] = w.generation
			*w.folders[0], *w.folders[1] = run, run
			w.restart(0)
			w.restart(1)
			return "the files change, a new run begins", nil
		case 3:
			w.requeue(w.redis.run)
			return "requeue", nil
		}
	case 15:
		if len(w.torn) > 0 {
			second := w.torn[0]
			w.torn = w.torn[1:]
			second()
			return "the second half of a call", nil
		}
	}
	return "", nil
}

// play lets things happen as long as there are choices, then stops all faults and requires that the
// job can be run to its end from there, even if it was published and lost.
func (w *world) play(pick func(int) int, more func() bool) error {
	for more() {
		w.past = append(w.past, w.redis)
		what, err := w.act(pick)
		if what != "" {
			w.trace = append(w.trace, what)
		}
		if err == nil {
			err = w.invariants()
		}
		if err != nil {
			return err
		}
	}
	return w.finish()
}

func (w *world) finish() error {
	for len(w.torn) > 0 {
		second := w.torn[0]
		w.torn = w.torn[1:]
		second()
	}
	w.restart(0) // and no other: two with different folders may go on wiping each other's run
	v := w.supervisors[0]
	for range modelRounds {
		w.saveDone()
		for _, k := range w.workers {
			for range 3 {
				k.step()
			}
		}
		err := v.step()
		if err == nil {
			err = w.invariants()
		}
		if err != nil {
			return err
		}
		if v.sealed {
			return nil
		}
		if w.redis.there && w.redis.dead != 0 {
			w.requeue(w.redis.run)
		}
	}
	return fmt.Errorf("stalled: %+v", w.redis)
}

// invariants are what holds in every state of Redis, at any time.
func (w *world) invariants() error {
	s := &w.redis
	if w.alarm != nil {
		return w.alarm
	}
	for i, v := range w.supervisors {
		if v.sealed && v.before == w.losses && s.final != v.fence {
			return fmt.Errorf("supervisor %d published a result that can't be read any more: its fence is %d, now it is %d", i, v.fence, s.final)
		}
	}
	if !s.there {
		return nil
	}
	if top := s.maps.entries.top(); s.maps.entries != 0 && s.maps.entries != 1<<(top+1)-2 {
		return fmt.Errorf("the tasks %v are no prefix of the manifest", s.maps.entries.each())
	}
	if s.maps.pending&^s.maps.delivered() != 0 {
		return fmt.Errorf("pending %v were not delivered", s.maps.pending.each())
	}
	generation, ok := w.generations[s.run]
	if !ok {
		return fmt.Errorf("run %d is nobody's", s.run)
	}
	if generation != w.generation {
		return nil // workers may bring it anything before a supervisor finds and wipes it
	}
	var want counts
	acknowledged := s.maps.acknowledged() &^ s.dead
	for _, id := range acknowledged.each() {
		want.add(content(generation, id))
	}
	if s.tokens != want.sum() || s.mapped != acknowledged.len() {
		return fmt.Errorf("%d tasks with %d words are acknowledged, meta has %d with %d",
			acknowledged.len(), want.sum(), s.mapped, s.tokens)
	}
	if !s.covered(acknowledged) {
		return fmt.Errorf("%v are acknowledged, and the commits are %v", acknowledged.each(), s.commits)
	}
	if s.maps.entries.top() == w.tasks && s.stuck() {
		return fmt.Errorf("it can't go on: %+v", s)
	}
	if s.phase != "map" && want != w.total(generation) {
		return fmt.Errorf("phase %s with %v acknowledged of %d", s.phase, acknowledged.each(), w.tasks)
	}
	if w.reducers == 0 {
		if s.counts != want {
			return fmt.Errorf("counts %v, %v are acknowledged", s.counts, want)
		}
		return nil
	}
	for p := range w.reducers {
		have := w.merged(s.parts[p])
		stored := s.reduces.acknowledged().has(p + 1)
		if !stored && have != want.of(p, w.reducers) {
			return fmt.Errorf("partial counts %v in partition %d, %v are acknowledged", have, p, want.of(p, w.reducers))
		}
		if stored && s.counts.of(p, w.reducers) != want.of(p, w.reducers) {
			return fmt.Errorf("partition %d is stored as %v instead of %v", p, s.counts.of(p, w.reducers), want.of(p, w.reducers))
		}
	}
	if s.phase == "done" && s.reduces.acknowledged().len() != w.reducers {
		return fmt.Errorf("done with %d of %d partitions stored", s.reduces.acknowledged().len(), w.reducers)
	}
	return nil
}

// stuck tells what a supervisor would say of the state.
func (s *modelState) stuck() bool {
	st := protocol.Status{Phase: protocol.Phase(s.phase), Maps: s.maps.entries.len(), Mapped: s.mapped, Reducers: s.reduces.entries.len(), Reduced: s.reduced, Buried: s.dead.len(),
		WaitingMaps: s.maps.entries != s.maps.delivered(), WaitingReduces: s.reduces.entries != s.reduces.delivered()}
	if s.maps.pending != 0 {
		st.PendingMaps = map[string]int{"somebody": s.maps.pending.len()}
	}
	if s.reduces.pending != 0 {
		st.PendingReduces = map[string]int{"somebody": s.reduces.pending.len()}
	}
	return st.Stuck()
}

// ---- Properties

func TestAnyScheduleOfTheModelIsExactOrPublishesNothing(t *testing.T) {
	check.AnySchedule(t, "./pkg/wordcount/protocol", 10_000, func(t *rapid.T) {
		choices := rapid.SliceOfN(rapid.Byte(), modelSchedule, modelSchedule).Draw(t, "choices")
		if w, err := schedule(guards{}, choices); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(w.trace, "\n"))
		}
	})
}

func schedule(g guards, choices []byte) (*world, error) {
	pick := func(n int) int {
		if len(choices) == 0 {
			return 0
		}
		c := int(choices[0]) % n
		choices = choices[1:]
		return c
	}
	w := newWorld(g, pick)
	return w, w.play(pick, func() bool { return len(choices) > 0 })
}

func TestEachGuardOfTheModelIsMissedWhenItIsTakenOut(t *testing.T) {
	const bound = 10_000 // schedules; the rarest takes some thousand
	fails := func(g guards, bound int) (after int, err error) {
		random := rand.New(rand.NewPCG(1, 1))
		choices := make([]byte, modelSchedule)
		for n := range bound {
			for i := range choices {
				choices[i] = byte(random.Uint32())
			}
			if _, err := schedule(g, choices); err != nil {
				return n + 1, err
			}
		}
		return bound, nil
	}
	if n, err := fails(guards{}, bound/4); err != nil {
		t.Fatalf("schedule %d fails with all guards in: %v", n, err)
	}
	for name, g := range map[string]guards{
		"run":                      {anyRun: true},
		"strictly increasing IDs":  {repeatedIDs: true},
		"all pending":              {notPending: true},
		"commit in one call":       {tornCommit: true},
		"no gaps in seeding":       {gaps: true},
		"wipe without meta":        {noWipe: true},
		"partition in one call":    {pages: true},
		"partition while pending":  {givenAnyTime: true},
		"put if pending":           {putTwice: true},
		"put joins on":             {looseJoin: true},
		"commit joins on":          {looseBring: true},
		"committed attempts count": {countAll: true},
		"an attempt is itself":     {oldNonce: true},
		"dead is not done":         {deadIsDone: true},
		"final when done":          {finalAnyTime: true},
		"one fence":                {newFence: true},
		"result under its fence":   {noFence: true},
		"discard under its fence":  {lateDiscard: true},
		"clean in one call":        {tornClean: true},
		"a save of our own":        {earlierSave: true},
		"no orphaned save":         {orphansLive: true},
		"no foreign run":           {adopt: true},
		"recount what is pending":  {keepTable: true},
		"stay until released":      {leaveIdle: true},
		"steal":                    {noTheft: true},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := fails(g, bound)
			if err == nil {
				t.Fatalf("%d schedules pass without it", n)
			}
			t.Logf("after %d schedules: %.200v", n, err)
		})
	}
}
