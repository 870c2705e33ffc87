package protocol_test

import "slices"

// modelSave is how far the checkpoint has come that a seal needs.
type modelSave int

const (
	saveNone modelSave = iota
	saveBegun
	saveComplete
)

// modelSupervisor is a supervisor, who knows what its folder knows.
type modelSupervisor struct {
	*world
	folder  int
	mine    nonce // the run
	known   bool  // to the folder
	asked   bool  // top is an answer of seed
	top     int   // the tasks that are seeded
	seeded  bool
	adopted bool  // the run is another folder's
	foreign nonce // a run that the folder refuses, and wipes; 0: none
	refused bool  // its host does not see the store of a run that it adopted

	done       bool  // when last looked
	fence      nonce // 0: not sealing
	tokens     int   // when it was set
	records    int   // of the job
	save       modelSave
	word       int // to read next
	counts     counts
	rolledBack bool // since the fence was set
	keysLost   bool // since then
	sealed     bool
	dismissed  bool // the workers

	// Of a job that keeps the top N:
	results modelResults // the list that is read
	listed  bool
	read    int    // result files
	totals  counts // of them
	at      int    // words that are filled in
	filled  bool   // all of them
	anew    int    // how often the job began anew

	dropped bool // the outputs
}

// restart is the death of a supervisor and the birth of another in the same folder. The new one
// starts workers in place of those that have left.
func (w *world) restart(i int) {
	w.supervisors[i] = &modelSupervisor{world: w, folder: w.folderOf[i]}
	w.supervisors[i].begin()
	for slot, k := range w.workers {
		if k == nil || k.left || k.dismissed {
			w.hire(slot)
		}
	}
}

func (v *modelSupervisor) begin() {
	v.mine, v.known = v.folders[v.folder], v.folders[v.folder] != 0
	v.asked, v.top, v.seeded, v.adopted, v.done, v.fence = false, 0, false, false, false, 0
	v.filled, v.foreign = false, 0
	v.forgetResults()
	if !v.known {
		v.mine = v.nonce()
		v.generations[v.mine] = v.generation
	}
}

// seedSome makes one call.
func (v *modelSupervisor) seedSome(lost bool) {
	if v.foreign != 0 {
		v.clean(v.foreign)
		v.foreign = 0
		return
	}
	if !v.known && !v.asked && v.without != markFirst {
		v.mark(v.mine)
	}
	n := 0
	if v.asked {
		n = min(2, v.tasks-v.top)
	}
	owner, top, err := v.seed(v.mine, v.top+1, n)
	switch {
	case lost:
		return
	case err != nil:
		// A stream is gone and meta is not: only a clean in several calls leaves that. People would
		// clean again.
		v.lose()
		v.redis = modelState{}
		v.begin()
		return
	case owner != v.mine && v.known && v.without != noForeign:
		v.foreign, v.asked, v.top = owner, false, 0
		return
	}
	v.adopted = v.adopted || owner != v.mine
	v.mine, v.asked, v.top = owner, true, top
	if v.top >= v.tasks {
		if v.without == markFirst && !v.adopted {
			v.mark(v.mine)
		}
		v.folders[v.folder], v.known, v.seeded = v.mine, true, true
	}
}

// sealSome makes one step of sealing; any refusal takes it back to watching.
func (v *modelSupervisor) sealSome() {
	switch {
	case v.sealed && !v.dismissed:
		v.dismiss(v.fence)
		v.dismissed = true
	case v.sealed && !v.dropped:
		if v.discard(v.fence, v.records) {
			v.deletions = append(slices.Clip(v.deletions), deletion{v.mine, false})
		}
		v.dropped = true
	case v.sealed:
	case v.keep > 0 && !v.filled && (v.fence != 0) == (v.without == fillBeforeFence):
		v.fillSome()
	case v.fence == 0:
		v.done = false
		v.filled = v.filled && v.without == fillBeforeFence
		v.forgetResults()
		if fence, err := v.setFence(v.mine, v.nonce()); err == nil {
			v.fence, v.tokens, v.save, v.word, v.counts = fence, v.redis.tokens, saveNone, 0, counts{}
			v.rolledBack, v.keysLost = false, false
		}
	case v.keep > 0 && v.read < v.partitions && v.without != checkFiles:
		if !v.listed {
			if v.fenced(v.fence) != nil && v.without != readFenced {
				v.fence = 0
				return
			}
			v.results, v.listed = v.redis.results, true
		}
		v.readResult()
	case v.save == saveNone:
		if v.saving == nil {
			v.world.save()
			v.save = saveBegun
		} else if v.without == ownSave {
			v.save = saveBegun
		}
	case v.save == saveBegun:
		if v.saving == nil {
			v.save = saveNone // it failed
		}
	case v.word < modelWords:
		for range modelWords / 2 {
			if v.fenced(v.fence) != nil && v.without != readFenced {
				v.fence = 0
				return
			}
			if v.word == 0 {
				v.records = v.redis.records
				for _, o := range v.redis.outputs {
					v.records += o.records
				}
			}
			v.counts[v.word] = v.redis.counts[v.word]
			v.word++
		}
	default:
		v.publish()
	}
}

func (v *modelSupervisor) forgetResults() {
	v.results, v.listed, v.read, v.totals, v.at = modelResults{}, false, 0, counts{}, 0
}

// readResult reads the next result file. If it is lost, the job begins anew.
func (v *modelSupervisor) readResult() {
	c, ok := v.fetch(v.results[v.read], sharedStore)
	if ok {
		v.totals.add(c)
		v.read++
		return
	}
	switch {
	case !v.marked(v.mine): // then it may be this host that doesn't see the file
		v.refused = v.adopted
	case v.anew == 3:
		v.refused = true // it would go round for ever
	case v.wipeOut(v.mine) == nil:
		v.anew++
		v.lose()
	}
	v.begin()
}

// fillSome puts the next word of the top N into the sorted set, once it has read all result files.
func (v *modelSupervisor) fillSome() {
	if !v.listed {
		files, at, full, err := v.listResults(v.mine)
		v.results, v.at, v.filled = files, at, full
		v.listed = err == nil
		v.done = v.done && err == nil
		if err == nil && slices.Contains(files[:v.partitions], 0) {
			v.fail("false alarm: the result files are %v", files)
		}
		return
	}
	if v.read < v.partitions {
		v.readResult()
		return
	}
	words := v.totals.ranking()
	words = words[:min(v.keep, len(words))]
	if v.without == oneOrder && v == v.supervisors[1] {
		words = v.totals.rankingAsRedisHasIt()[:len(words)]
	}
	from := min(v.at, len(words))
	next := words[from:min(from+1, len(words))]
	last := from+len(next) == len(words)
	at, full, err := v.fill(v.mine, from, next, last, v.totals)
	switch {
	case err != nil:
		v.done = false
		v.forgetResults()
	case full:
		v.filled = true
		v.forgetResults()
	case at != from+len(next):
		v.forgetResults()
	default:
		v.at = at
	}
}

func (v *modelSupervisor) publish() {
	s := &v.redis
	if v.fenced(v.fence) == nil && v.without != readFenced &&
		(s.mapped != v.tasks || s.reduced != v.partitions || v.partitions > 0 && s.stored != s.tokens) {
		v.fail("false alarm: %+v is not complete", s.modelMeta)
		return
	}
	all := v.counts
	if v.keep > 0 {
		if v.without == checkFiles {
			v.results = s.results
			for _, name := range v.results[:v.partitions] {
				c, _ := v.fetch(name, sharedStore)
				v.totals.add(c)
			}
		}
		all = v.totals
		if top := all.top(v.keep); v.counts != top {
			v.fail("the sorted set has %v, and the files begin with %v", v.counts, top)
			return
		}
	}
	if all.sum() != v.tokens && v.without != readFenced {
		v.fail("false alarm: %v do not add up to %d", all, v.tokens)
		return
	}
	if want := v.total(v.generation); all != want {
		v.fail("published %v instead of %v", all, want)
		return
	}
	if v.partitions > 0 && v.records != v.tasks && v.without != readFenced {
		v.fail("published a tally of %d records, and there are %d", v.records, v.tasks)
		return
	}
	v.sealed = true
	v.lasts()
}

// lasts requires that what was published survives the next crash. Another folder's supervisor may
// have fenced it since, and has the same result then.
func (v *modelSupervisor) lasts() {
	if !v.sealed || v.rolledBack || v.redis.final != v.fence {
		return
	}
	if v.disk.final != v.fence || v.keep > 0 && (v.disk.results != v.results || v.disk.counts != v.counts) {
		v.fail("published, and the next crash takes it away")
	}
}

// idle tells whether a job that isn't done has nothing for any worker.
func (w *world) idle() bool {
	s := &w.redis
	stream := &s.reduces
	if s.phase == mapping {
		stream = &s.maps
	}
	pending := stream.pending
	if w.without == onePhase {
		pending = s.maps.pending | s.reduces.pending
	}
	return s.there && s.phase != done && s.maps.entries.len() == w.tasks &&
		pending == 0 && stream.last == stream.entries.top()
}

// over tells whether the job ends with buried tasks.
func (w *world) over() bool { return w.idle() && w.redis.deadMaps|w.redis.deadReduces != 0 }

// step does one thing, as a supervisor whom nothing hinders would.
func (v *modelSupervisor) step() {
	s := &v.redis
	// Workers may have been dismissed from a job that is not sealed after all, or by a run that this
	// supervisor does not know.
	for slot, k := range v.workers {
		if k.dismissed && !v.sealed {
			v.hire(slot)
		}
	}
	switch {
	case v.sealed:
		v.sealSome()
	case v.seeded && (!s.there || s.run != v.mine || s.maps.entries.len() < v.tasks):
		v.begin()
		v.seedSome(false)
	case !v.seeded:
		v.seedSome(false)
	case !v.marked(v.mine) && v.adopted && s.phase != done:
		v.refused = true
		if !v.unmarked {
			v.fail("false alarm: an adopted run has no mark, and nobody took it away")
		}
	case !v.marked(v.mine) && !v.adopted && v.without != restoreMark:
		v.mark(v.mine)
	case v.fence != 0 || v.done:
		v.sealSome()
	default:
		v.done = s.phase == done
	}
}
