package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

const (
	modelSteps  = 150 // of a schedule
	modelRounds = 200 // in which a job must end once nothing goes wrong any more
)

// modelSchedule is what happens in a world. The first number makes the world, the second one its
// end. Each other number makes a step, by itself: its place and its value say what happens. 0 is no
// step, so that rapid leaves steps out when it makes numbers smaller.
type modelSchedule [2 + modelSteps]uint16

func scheduleOf(seed uint64) (s modelSchedule) {
	random := rand.NewPCG(seed, 0)
	for i := range s {
		s[i] = uint16(random.Uint64())
	}
	return s
}

// play makes a world, lets things happen, then stops all faults and requires that the job can be
// run to its end from there, even if it was published and lost.
func (s modelSchedule) play(without guard, tracing bool) *world {
	return s.playBeside(nil, without, tracing)
}

// playBeside also does with the shipped library what the model does, if there is one.
func (s modelSchedule) playBeside(l *shippedLibrary, without guard, tracing bool) *world {
	random := rand.NewPCG(uint64(s[0]), 0)
	pick := func(n int) int { return int(random.Uint64() % uint64(n)) }
	w := newWorld(without, pick)
	w.tracing = tracing
	if l != nil {
		w.shadow = &shadow{l, w}
	}
	w.note(w.tasks, " tasks, ", w.partitions, " partitions, ", w.keep, " words kept, limit ", w.limit, ", rotten: ", w.rotten)
	for i, step := range s[2:] {
		w.past = append(w.past, w.redis)
		if step == 0 {
			continue
		}
		random.Seed(uint64(step), uint64(i))
		w.act(pick)
		w.inspect()
		if w.bad != nil {
			return w
		}
	}
	random.Seed(uint64(s[1]), 0)
	w.finish(pick)
	return w
}

// inspect looks for what is wrong.
func (w *world) inspect() {
	if w.bad == nil {
		w.invariants()
	}
	if !w.tracing {
		return
	}
	s := w.redis
	s.shipped = nil
	if now := fmt.Sprintf("    %+v", s); now != w.traced {
		w.traced = now
		w.note(now)
	}
}

// act lets one thing happen.
func (w *world) act(pick func(int) int) {
	switch pick(19) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		w.actOfWorker(pick(modelWorkers), pick)
	case 8, 9, 10:
		w.actOfSupervisor(pick(2), pick)
	case 11:
		if w.saving == nil {
			w.note("a save begins")
			w.save()
			break
		}
		w.note("a save ends")
		w.saveDone()
	case 12:
		if len(w.orphans) > 0 && pick(2) == 0 {
			w.note("an orphaned save ends")
			w.orphanDone()
			break
		}
		w.note("a save ends")
		w.saveDone()
	case 13:
		if pick(w.rarity.crashes) == 0 {
			w.actOfServer(pick)
		}
	case 14:
		if pick(w.rarity.people) == 0 {
			w.actOfPeople(pick)
		}
	case 15:
		if len(w.torn) > 0 {
			w.note("the rest of a call")
			w.mend()
		}
	case 16:
		if pick(w.rarity.blights) == 0 {
			w.blight(pick)
		}
	case 17:
		if len(w.deletions) > 0 && pick(w.rarity.deletions) == 0 {
			i := pick(len(w.deletions))
			d := w.deletions[i]
			w.note("somebody deletes the files of run ", d.run, ", results: ", d.results)
			w.deletions = slices.Delete(w.deletions, i, i+1)
			w.deleteFiles(d)
		}
	case 18:
		if pick(3*w.rarity.mounts) == 0 && (!w.blind || pick(3) == 0) {
			w.blind = !w.blind
			w.note("the last worker has a wrong mount: ", w.blind)
		}
	}
}

// mend does the rest of the oldest call that should have been one.
func (w *world) mend() {
	rest := w.torn[0]
	w.torn = w.torn[1:]
	rest()
}

func (w *world) actOfWorker(i int, pick func(int) int) {
	k := w.workers[i]
	switch {
	case k.left, k.dismissed:
	case pick(24) == 0:
		w.note("worker ", i, " dies")
		w.hire(i)
	case pick(3) == 0:
		steps := 1 + pick(6)
		w.note("worker ", i, " goes on, steps: ", steps)
		for range steps {
			w.workers[i].step()
		}
	default:
		k.any(pick)
	}
}

func (w *world) actOfSupervisor(i int, pick func(int) int) {
	v := w.supervisors[i]
	switch pick(8) {
	case 0:
		lost := pick(2) == 0
		w.note("supervisor ", i, " seeds, lost: ", lost)
		v.seedSome(lost)
	case 1:
		if v.fence != 0 || v.done {
			w.note("supervisor ", i, " seals")
			v.sealSome()
		}
	case 2:
		if pick(6) == 0 {
			w.note("supervisor ", i, " dies")
			w.restart(i)
		}
	default:
		steps := 1 + pick(6)
		w.note("supervisor ", i, " goes on, steps: ", steps)
		for range steps {
			v.step()
		}
	}
}

func (w *world) actOfServer(pick func(int) int) {
	switch pick(4) {
	case 0:
		w.note("redis crashes")
		w.crash(w.disk)
	case 1:
		w.note("redis crashes, and an earlier checkpoint is restored")
		w.crash(w.saved[pick(len(w.saved))])
	case 2:
		// A master that was demoted and comes back from a lagging replica keeps its run_id, and its
		// saves go on.
		w.note("redis is back at an earlier state")
		w.rollBack(w.past[len(w.past)-1-pick(len(w.past))])
	}
}

func (w *world) actOfPeople(pick func(int) int) {
	switch pick(12) {
	case 0:
		w.note("somebody deletes meta")
		w.lose()
		w.deleteMeta()
	case 1:
		w.note("somebody cleans")
		w.clean(0)
	case 2:
		w.note("the input changes, and a new run begins")
		w.changeInput()
	case 3, 4, 5:
		w.note("somebody requeues")
		w.requeue(w.redis.run)
	}
}

// finish runs the job to its end, without another fault. It ends if its result is published, if
// tasks are buried and nobody requeues them, or if its supervisor can't see the store.
func (w *world) finish(pick func(int) int) {
	w.note("nothing goes wrong any more")
	for len(w.torn) > 0 {
		w.mend()
	}
	requeue := pick(2) == 0 && !w.rotten
	if pick(2) == 0 {
		for i := range w.files {
			w.files[i].hidden = false
		}
	}
	if w.supervisors[0].sealed || pick(2) == 0 {
		w.restart(0)
	}
	v := w.supervisors[0] // and no other: two with different folders may go on wiping each other's run
	for range modelRounds {
		w.saveDone()
		for range 2 * modelWorkers {
			i := pick(modelWorkers)
			steps := 1 + pick(4)
			w.note("worker ", i, " goes on, steps: ", steps)
			for range steps {
				w.workers[i].step()
			}
		}
		w.note("the supervisor goes on")
		v.step()
		w.inspect()
		if w.bad != nil || v.sealed || v.refused {
			return
		}
		if !w.redis.there || w.redis.deadMaps|w.redis.deadReduces == 0 {
			continue
		}
		if requeue {
			w.requeue(w.redis.run)
		} else if w.over() {
			return
		}
	}
	w.fail("stalled")
}
