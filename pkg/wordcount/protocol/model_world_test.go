package protocol_test

import "fmt"

const modelWorkers = 3

// world is a job, everybody at it, and everything that can happen to it.
type world struct {
	without     guard
	tasks       int
	partitions  int           // 0: no reducers
	keep        int           // words of the top N in the sorted set, while files have all; 0: all are in the set
	limit       int           // the lost output of a task that buries it: the 3rd, say
	batch       int           // tasks that a worker reads at once
	generation  int           // of the input
	generations map[nonce]int // run → generation at its start
	nonces      nonce

	redis   modelState
	past    []modelState // every state that a resync may bring back
	saved   []modelState // checkpoints, complete; the first is nothing at all
	disk    modelState   // the newest of them, as dump.rdb
	saving  *modelState  // under way
	orphans []modelState // under way, of servers that were killed
	torn    []func()     // the rest of calls that should have been one

	files     []modelFile
	marks     []nonce             // the runs whose folders in the store have the mark
	unmarked  bool                // a mark was lost or deleted at least once
	deletions []deletion          // that come some time
	blind     bool                // the host of the last worker has a wrong mount
	rotten    bool                // the disk damages all that is written, for ever
	lost      [modelTasks + 1]int // how often a task's output was revoked and had been lost indeed

	workers     [modelWorkers]*modelWorker
	supervisors [2]*modelSupervisor
	folders     [2]nonce // the run that a folder knows
	folderOf    [2]int   // the folders of the supervisors, who may share one

	rarity  struct{ crashes, people, blights, deletions, mounts int } // 1: often, 12: seldom
	shadow  *shadow                                                   // nil: none
	bad     error
	tracing bool
	trace   []string
	traced  string // the state of Redis that is in the trace already
}

func newWorld(without guard, pick func(int) int) *world {
	w := &world{without: without, batch: 2, generations: map[nonce]int{}, saved: []modelState{{}}}
	w.tasks = []int{1, 2, 3, 1, 2, 3, 2, 0}[pick(8)]
	w.partitions = []int{1, 2, 1, 2, 2, 2, 1, 0}[pick(8)]
	w.limit = []int{3, 3, 2, 1}[pick(4)]
	if w.partitions > 0 {
		w.keep = []int{0, 0, 0, 1, 2, 3}[pick(6)]
	}
	w.rotten = pick(64) == 0
	if pick(4) == 0 {
		w.folderOf[1] = 1
	}
	for _, r := range []*int{&w.rarity.crashes, &w.rarity.people, &w.rarity.blights, &w.rarity.deletions, &w.rarity.mounts} {
		*r = []int{1, 1, 3, 12}[pick(4)]
	}
	for i := range w.supervisors {
		w.restart(i)
	}
	return w
}

func (w *world) nonce() nonce { w.nonces++; return w.nonces }

// fail notes what is wrong, if nothing was before.
func (w *world) fail(format string, args ...any) {
	if w.bad == nil {
		w.bad = fmt.Errorf(format, args...)
	}
}

// note adds to the trace what happens.
func (w *world) note(what ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprint(what...))
	}
}

// content is what a task's split holds in a generation of the input. The sums of different sets of
// tasks differ. Where the order of words matters, two and two have equal counts.
func (w *world) content(generation, task int) (c counts) {
	for word := range c {
		n := word
		if w.keep > 0 {
			n /= 2
		}
		c[word] = 1 << (3 * (task - 1)) * (1 + (task+n+3*generation)%6)
	}
	return c
}

// total is the serial count of a generation.
func (w *world) total(generation int) (c counts) {
	for id := 1; id <= w.tasks; id++ {
		c.add(w.content(generation, id))
	}
	return c
}

func (w *world) allTasks() set { return 1<<(w.tasks+1) - 2 }

func (w *world) save() {
	now := w.redis
	w.saving = &now
}

func (w *world) saveDone() {
	if w.saving == nil {
		return
	}
	w.disk, w.saving = *w.saving, nil
	w.saved = append(w.saved, w.disk)
	for _, v := range w.supervisors {
		if v.save == saveBegun {
			v.save = saveComplete
		}
	}
}

// orphanDone is the end of a save that outlived its server: its file takes the place of what may be
// a newer checkpoint. Any complete checkpoint is good enough to go on from; but one that a seal
// relied on must not be replaced.
func (w *world) orphanDone() {
	w.disk, w.orphans = w.orphans[0], w.orphans[1:]
	for _, v := range w.supervisors {
		v.lasts()
	}
}

// lose notes that keys go which a seal relies on.
func (w *world) lose() {
	for _, v := range w.supervisors {
		v.keysLost = true
	}
}

// rollBack brings Redis back to an earlier state.
func (w *world) rollBack(to modelState) {
	w.lose()
	for _, v := range w.supervisors {
		v.rolledBack = true
	}
	w.redis, w.torn = to, nil
}

// crash restarts Redis from a checkpoint.
func (w *world) crash(dump modelState) {
	if w.saving != nil && w.without == noOrphan {
		w.orphans = append(w.orphans, *w.saving)
	}
	w.rollBack(dump)
	w.disk, w.saving = dump, nil
}

// changeInput changes the input behind equal sizes and times. People start anew. Workers may not
// notice until later.
func (w *world) changeInput() {
	w.clean(0)
	w.generation++
	run := w.nonce()
	w.generations[run] = w.generation
	w.mark(run)
	w.folders = [2]nonce{run, run}
	w.restart(0)
	w.restart(1)
}

// invariantsOfResults are those of a job that keeps the top N.
func (w *world) invariantsOfResults(stored set, total counts) {
	s := &w.redis
	for p := range w.partitions {
		f := w.file(s.results[p])
		if stored.has(p+1) && (f == nil || !f.foreign && f.counts != total.of(p, w.partitions)) {
			w.fail("partition %d is stored as %+v", p, f)
		}
	}
	if s.full && s.counts != total.top(w.keep) {
		w.fail("the sorted set is full with %v instead of %v", s.counts, total.top(w.keep))
	}
}

// invariants are what holds in every state of Redis, at any time.
func (w *world) invariants() {
	s := &w.redis
	for i, v := range w.supervisors {
		if v.sealed && !v.keysLost && (s.final != v.fence || s.phase != done) {
			w.fail("supervisor %d published a result that can't be read any more", i)
		}
		for p := range w.partitions {
			if f := w.file(v.results[p]); v.sealed && w.keep > 0 && f.gone && !f.lost {
				w.fail("supervisor %d published a result, and file %d was deleted", i, f.name)
			}
		}
	}
	if !s.there {
		return
	}
	if s.maps.entries != 1<<(s.maps.entries.top()+1)-2 {
		w.fail("the tasks %b are no prefix of the manifest", s.maps.entries)
	}
	generation, known := w.generations[s.run]
	if !known {
		w.fail("run %d is nobody's", s.run)
	}
	if generation != w.generation || len(w.torn) > 0 {
		return // workers may bring an outdated run anything before a supervisor finds and wipes it
	}
	var want counts
	acknowledged := s.maps.acknowledged() &^ s.deadMaps
	for id := 1; id <= w.tasks; id++ {
		if acknowledged.has(id) {
			want.add(w.content(generation, id))
		}
	}
	if s.tokens != want.sum() || s.mapped != acknowledged.len() {
		w.fail("%d tasks with %d words are acknowledged, meta has %d with %d", acknowledged.len(), want.sum(), s.mapped, s.tokens)
	}
	if s.phase != mapping && s.mapped != w.tasks {
		w.fail("phase %s with %d of %d maps", s.phase, s.mapped, w.tasks)
	}
	if w.partitions == 0 {
		if s.counts != want {
			w.fail("counts %v, acknowledged are %v", s.counts, want)
		}
		return
	}
	if !s.discarded && !covers(s.outputs, acknowledged) {
		w.fail("tasks %b are acknowledged, and the outputs are %v", acknowledged, s.outputs)
	}
	stored := s.reduces.acknowledged() &^ s.deadReduces
	if s.reduced != stored.len() || s.phase == done && s.reduced != w.partitions {
		w.fail("phase %s with %d partitions stored, meta has %d", s.phase, stored.len(), s.reduced)
	}
	if w.idle() && !w.over() {
		w.fail("false alarm: nothing is to do, and the job isn't done")
	}
	total := w.total(generation)
	if w.keep > 0 {
		w.invariantsOfResults(stored, total)
		return
	}
	for p := range w.partitions {
		if have, want := s.counts.of(p, w.partitions), total.of(p, w.partitions); stored.has(p+1) && have != want {
			w.fail("partition %d is stored as %v instead of %v", p, have, want)
		}
	}
}
