package protocol_test

import (
	"errors"
	"slices"
)

// modelWorker is a worker, in one of the slots that workers have.
type modelWorker struct {
	*world
	slot     int
	consumer nonce
	run      nonce      // 0: has not looked yet
	phase    modelPhase // when last looked

	todo   []int // map tasks to count
	held   []int // map tasks whose words are in table
	table  counts
	output nonce // that has the table; 0: none

	reduces []int // partitions to reduce + 1
	parts   []int // those of them that are reduced together; nil: none
	merging int   // how many of parts are merged
	list    []modelOutput
	listed  bool  // list is complete; it serves all partitions until a file is missing
	next    int   // of the list
	missing nonce // an output that can't be read
	totals  counts
	attempt nonce   // to put parts; 0: none
	stored  int     // words
	names   []nonce // of the result files of parts; nil: not written

	dismissed bool // has left: the job is sealed
	left      bool // has left because nothing was to do
}

func (w *world) hire(slot int) {
	w.workers[slot] = &modelWorker{world: w, slot: slot, consumer: w.nonce()}
}

func (k *modelWorker) forget() {
	*k = modelWorker{world: k.world, slot: k.slot, consumer: k.consumer}
}

// store is the store that the worker's host sees.
func (k *modelWorker) store() int {
	if k.blind && k.slot == modelWorkers-1 {
		return 1 + k.slot
	}
	return sharedStore
}

func (k *modelWorker) sees() bool {
	return k.without == seeMark || k.store() == sharedStore && k.marked(k.run)
}

// look binds the worker to the run that is there, or starts it afresh when that is another one. A
// worker that does not see the mark ends, and another one starts.
func (k *modelWorker) look() {
	s := &k.redis
	switch {
	case !s.there:
		k.forget()
	case k.run != s.run:
		if k.run != 0 {
			k.forget()
			k.consumer = k.nonce()
		}
		k.run, k.phase = s.run, s.phase
		if !k.sees() {
			k.forget()
		}
	case s.dismissed:
		k.dismissed = true
	case k.without == stay && len(k.todo)+len(k.held)+len(k.reduces) == 0 && s.maps.pending|s.reduces.pending == 0:
		k.left = true
	default:
		k.phase = s.phase
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
	k.renew(k.run, k.consumer, &k.redis.maps, k.todo)
	id := k.todo[0]
	k.todo = k.todo[1:]
	k.held = append(k.held, id)
	k.table.add(k.content(k.generation, id))
	k.touch()
}

// touch notes that the table has changed: no output has what is in it.
func (k *modelWorker) touch() {
	if k.without != newName {
		k.output = 0
	} else if f := k.file(k.output); f != nil && len(k.held) > 0 {
		f.counts, f.tasks = k.table, setOf(k.held) // other contents, the same name
	}
}

func (k *modelWorker) empty() { k.held, k.table = nil, counts{}; k.touch() }

// writeOutput writes the table to a new file.
func (k *modelWorker) writeOutput() {
	if !k.sees() {
		k.hire(k.slot)
		return
	}
	k.output = k.nonce()
	k.write(modelFile{name: k.output, store: k.store(), run: k.run, tasks: setOf(k.held), counts: k.table})
}

// written tells whether what is held can be committed.
func (k *modelWorker) written() bool { return k.output != 0 || k.partitions == 0 }

func (k *modelWorker) commitHeld(lost bool) {
	slices.Sort(k.held)
	standings, err := k.commit(k.run, k.held, k.table, k.output)
	switch {
	case lost: // and tried again, some time
	case errors.Is(err, errModelRun):
		k.look()
	case err != nil:
		k.forget()
	case standings == nil:
		k.empty()
	default:
		var left []int
		for i, id := range k.held {
			if standings[i] == isPending {
				left = append(left, id)
			}
		}
		if len(left) > 0 && k.without == recount {
			k.held = left
			break
		}
		k.empty()
		k.todo = append(k.todo, left...)
	}
}

// merge lists the outputs, or reads the next segment of a partition. It begins with n partitions at
// the most.
func (k *modelWorker) merge(n int) {
	if k.parts == nil {
		for _, id := range k.reduces[:min(n, len(k.reduces))] {
			k.parts = append(k.parts, id-1)
		}
		slices.Sort(k.parts)
		k.merging, k.next, k.totals, k.attempt, k.stored, k.names = 0, 0, counts{}, 0, 0, nil
	}
	if !k.listed {
		k.listOutputs()
		return
	}
	if k.next == len(k.list) {
		k.merging, k.next = k.merging+1, 0
		return
	}
	c, ok := k.fetch(k.list[k.next].name, k.store())
	if !ok {
		k.missing = k.list[k.next].name
		return
	}
	k.totals.add(c.of(k.parts[k.merging], k.partitions))
	k.next++
}

// listOutputs makes the list, or its next page.
func (k *modelWorker) listOutputs() {
	all, err := k.outputs(k.run)
	switch {
	case errors.Is(err, errModelPhase):
		k.standBack()
		return
	case err != nil:
		k.dropReduces(nil, err)
		return
	case k.without == oneList && len(k.list) < len(all):
		k.list = append(slices.Clip(k.list), all[len(k.list)])
		return
	case k.without != oneList:
		k.list = all
	}
	k.listed = true
	if k.generations[k.run] == k.generation && !covers(k.list, k.allTasks()) {
		k.fail("false alarm: the outputs are %v", k.list)
	}
}

func (k *modelWorker) mergedAll() bool { return k.parts != nil && k.merging == len(k.parts) }

// report revokes the output that can't be read.
func (k *modelWorker) report() {
	if !k.sees() {
		k.hire(k.slot)
		return
	}
	name := k.missing
	k.missing = 0
	if _, ok := k.fetch(name, k.store()); ok {
		return // it was hidden for a while
	}
	k.revoke(k.run, name)
	k.standBack()
}

// standBack leaves the reduces to others, because there are maps to do first.
func (k *modelWorker) standBack() {
	if k.without != newList {
		k.list, k.listed = nil, false
	}
	k.parts, k.reduces = nil, nil
	if k.without == mapsFirst {
		return
	}
	if len(k.todo)+len(k.held) == 0 {
		k.release(k.run, k.consumer)
	}
	k.look()
}

// words are what a put stores, in the order in which it does.
func (k *modelWorker) words() (all []int) {
	for word := range modelWords {
		if slices.Contains(k.parts, word%k.partitions) {
			all = append(all, word)
		}
	}
	return all
}

// storeWords stores the next n words at the most.
func (k *modelWorker) storeWords(n int, lost bool) {
	if k.attempt == 0 {
		k.attempt = k.nonce()
	}
	words := k.words()
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

// storeTotals brings the totals of parts to where the job has them: the next n words at the most.
func (k *modelWorker) storeTotals(n int, lost bool) {
	switch {
	case k.keep == 0:
		k.storeWords(n, lost)
	case k.names == nil:
		k.writeResults()
	default:
		standings, err := k.putFiles(k.run, k.parts, k.names, k.totals)
		if !lost { // else tried again, some time
			k.dropReduces(standings, err)
		}
	}
}

// writeResults writes the result files of parts.
func (k *modelWorker) writeResults() {
	if !k.sees() {
		k.hire(k.slot)
		return
	}
	var names []nonce
	for _, part := range k.parts {
		name := k.nonce()
		k.write(modelFile{name: name, store: k.store(), run: k.run, counts: k.totals.of(part, k.partitions), result: true})
		names = append(names, name)
	}
	k.names = names
}

// dropReduces is done with the partitions in hand, but for those that are pending.
func (k *modelWorker) dropReduces(standings []standing, err error) {
	for i, part := range k.parts {
		if standings == nil || standings[i] != isPending {
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
	case k.left, k.dismissed:
	case k.run == 0:
		k.look()
	case len(k.todo) > 0:
		k.count()
	case len(k.held) > 0 && !k.written():
		k.writeOutput()
	case len(k.held) > 0:
		k.commitHeld(false)
	case k.missing != 0:
		k.report()
	case k.mergedAll():
		k.storeTotals(2, false)
	case len(k.reduces) > 0:
		k.merge(2)
	default:
		k.seek()
		if k.idle() {
			k.look()
		}
	}
}

func (k *modelWorker) idle() bool { return len(k.todo)+len(k.reduces) == 0 }

// seek looks for tasks of the phase that the worker saw last. Only new ones may be of either phase.
func (k *modelWorker) seek() {
	m, r := &k.redis.maps, &k.redis.reduces
	switch {
	case k.phase == mapping || k.without == mapsFirst:
		k.take(k.readOwn(m, k.consumer), false)
		if k.without == mapsFirst {
			k.takeReduces(k.readOwn(r, k.consumer))
		}
		if k.idle() {
			k.take(k.read(m, k.consumer, k.batch), false)
		}
		if k.idle() && k.without != steal && k.phase == mapping {
			k.take(k.steal(m, k.consumer, 0), false)
		}
		if k.idle() && k.without != steal && k.phase != mapping {
			k.takeReduces(k.steal(r, k.consumer, 0))
		}
		if k.idle() {
			k.takeReduces(k.read(r, k.consumer, 1))
		}
	default:
		k.takeReduces(k.readOwn(r, k.consumer))
		if k.idle() {
			k.takeReduces(k.read(r, k.consumer, k.batch))
		}
		if k.idle() && k.without != steal {
			k.takeReduces(k.steal(r, k.consumer, 0))
		}
	}
}

// any does one thing, sensible or not.
func (k *modelWorker) any(pick func(int) int) {
	m, r := &k.redis.maps, &k.redis.reduces
	note := func(what ...any) { k.note(append([]any{"worker ", k.slot, " "}, what...)...) }
	lost := pick(4) == 0
	switch pick(14) {
	case 0:
		note("looks")
		k.look()
	case 1, 2:
		ids := k.read(m, k.consumer, 1+pick(2))
		note("reads ", ids, ", lost: ", lost)
		if !lost && k.run != 0 {
			k.take(ids, false)
		}
	case 3:
		if k.run != 0 {
			ids := k.readOwn(m, k.consumer)
			note("reads its own ", ids, ", sloppily: ", lost)
			k.take(ids, lost)
			k.takeReduces(k.readOwn(r, k.consumer))
		}
	case 4:
		if k.run != 0 && k.without != steal {
			ids := k.steal(m, k.consumer, pick(modelTasks))
			note("steals ", ids)
			k.take(ids, false)
		}
	case 5:
		if k.run != 0 && k.without != steal {
			ids := k.steal(r, k.consumer, pick(2))
			note("steals partitions ", ids)
			k.takeReduces(ids)
		}
	case 6, 7:
		if len(k.todo) > 0 {
			note("counts ", k.todo[0])
			k.count()
		}
	case 8, 9:
		switch {
		case len(k.held) > 0 && !k.written():
			note("writes ", k.held)
			k.writeOutput()
		case len(k.held) > 0:
			note("commits ", k.held, " in output ", k.output, ", lost: ", lost)
			k.commitHeld(lost)
		}
	case 10:
		ids := k.read(r, k.consumer, 1+pick(2))
		note("reads partitions ", ids, ", lost: ", lost)
		if !lost && k.run != 0 {
			k.takeReduces(ids)
		}
	case 11, 12:
		switch {
		case k.missing != 0:
			note("reports output ", k.missing)
			k.report()
		case k.mergedAll():
			note("stores partitions ", k.parts, " from word ", k.stored, " of ", k.totals, ", files ", k.names, ", lost: ", lost)
			k.storeTotals(1+pick(3), lost)
		case len(k.reduces) > 0:
			if k.parts == nil && lost {
				k.list, k.listed = nil, false
			}
			k.merge(1 + pick(2))
			note("merges partitions ", k.parts, ": ", k.next, " of ", k.list, ", missing: ", k.missing)
		}
	case 13:
		if pick(4) == 0 {
			k.buryOne(note)
		}
	}
}

// buryOne is the end of a task's last attempt.
func (k *modelWorker) buryOne(note func(...any)) {
	switch {
	case len(k.todo) > 0:
		id := k.todo[0]
		k.todo = k.todo[1:]
		note("buries ", id)
		k.bury(k.run, &k.redis.maps, id)
	case len(k.reduces) > 0:
		id := k.reduces[0]
		k.reduces, k.parts, k.missing = k.reduces[1:], nil, 0
		note("buries partition ", id-1)
		k.bury(k.run, &k.redis.reduces, id)
	}
}
