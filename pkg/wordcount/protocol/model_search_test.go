package protocol_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// faults are how many of each kind a search allows.
type faults struct{ rollbacks, vanished, lostReplies, thefts, deaths int }

// node is a state that a search has come to.
type node struct {
	*world
	left faults
	// noted is the state that a rollback brings back. It is chosen when Redis leaves it.
	noted *modelState
}

// modelSearch tries every order of all that two workers, one supervisor and few faults do, and ends
// the job without another fault from each state.
type modelSearch struct {
	seen map[uint64]bool // hashes of states
	keys [2]key          // one for each order of the workers
	path []string        // to the state
	bad  error           // the first that is wrong; path leads there
}

func searchAll(without guard, tasks, partitions, keep int, left faults) (states int, err error) {
	w := &world{without: without, tasks: tasks, partitions: partitions, keep: keep, limit: 3, batch: 1}
	w.generations = map[nonce]int{}
	w.folderOf[1] = 1
	for i := range w.supervisors {
		w.restart(i)
	}
	w.workers[2].left = true
	s := modelSearch{seen: map[uint64]bool{}, keys: [2]key{{names: map[nonce]int{}}, {names: map[nonce]int{}}}}
	s.visit(node{w, left, nil})
	if s.bad != nil {
		return len(s.seen), fmt.Errorf("%w, after: %s", s.bad, strings.Join(s.path, ", "))
	}
	return len(s.seen), nil
}

func (s *modelSearch) visit(n node) {
	// Two workers who change places make the same state.
	hash := min(s.keys[0].of(n, n.workers[0], n.workers[1]), s.keys[1].of(n, n.workers[1], n.workers[0]))
	if s.seen[hash] {
		return
	}
	s.seen[hash] = true
	if n.inspect(); n.bad != nil {
		s.bad = n.bad
		return
	}
	end := n.clone()
	random := rand.New(rand.NewPCG(hash, 0))
	if end.finish(random.IntN); end.bad != nil {
		s.bad = fmt.Errorf("without any more faults: %w", end.bad)
		return
	}
	var named []int // the files that somebody knows: nothing depends on any other
	for i, f := range n.files {
		if s.keys[0].names[f.name] > 0 && !f.gone {
			named = append(named, i)
		}
	}
	s.workers(n)
	s.accidents(n, named)
}

// try does one thing, and goes on from there.
func (s *modelSearch) try(n node, what string, do func(n *node)) {
	if s.bad != nil {
		return
	}
	next := node{n.clone(), n.left, n.noted}
	do(&next)
	s.path = append(s.path, what)
	s.visit(next)
	if s.bad == nil {
		s.path = s.path[:len(s.path)-1]
	}
	// Only a state that has passed can come back.
	if s.bad == nil && n.left.rollbacks > 0 && n.noted == nil && next.left.rollbacks > 0 && !reflect.DeepEqual(n.redis, next.redis) {
		before := n.redis
		next.noted = &before
		s.path = append(s.path, what+", and Redis will come back to what was before")
		s.visit(next)
		if s.bad == nil {
			s.path = s.path[:len(s.path)-1]
		}
	}
}

func (s *modelSearch) workers(n node) {
	s.try(n, "the supervisor goes on", func(n *node) { n.supervisors[0].step() })
	for i, k := range n.workers[:2] {
		if k.left || k.dismissed {
			continue
		}
		who := fmt.Sprintf("worker %d ", i)
		s.try(n, who+"goes on", func(n *node) { n.workers[i].step() })
		commits := len(k.todo) == 0 && len(k.held) > 0 && k.written()
		stores := len(k.todo)+len(k.held) == 0 && k.mergedAll()
		if n.left.lostReplies > 0 && (commits || stores) {
			s.try(n, who+"loses the reply", func(n *node) {
				n.left.lostReplies--
				if commits {
					n.workers[i].commitHeld(true)
				} else {
					n.workers[i].storeTotals(2, true)
				}
			})
		}
		if n.left.thefts > 0 && k.run != 0 {
			s.try(n, who+"steals maps", func(n *node) {
				n.left.thefts--
				k := n.workers[i]
				k.take(k.steal(&k.redis.maps, k.consumer, 0), false)
			})
			s.try(n, who+"steals reduces", func(n *node) {
				n.left.thefts--
				k := n.workers[i]
				k.takeReduces(k.steal(&k.redis.reduces, k.consumer, 0))
			})
		}
		if n.left.deaths > 0 {
			s.try(n, who+"dies", func(n *node) {
				n.left.deaths--
				n.hire(i)
			})
		}
	}
}

func (s *modelSearch) accidents(n node, named []int) {
	if n.saving != nil {
		s.try(n, "a save ends", func(n *node) { n.saveDone() })
	}
	if n.noted != nil {
		s.try(n, "Redis rolls back", func(n *node) {
			n.left.rollbacks--
			n.rollBack(*n.noted)
			n.noted = nil
		})
	}
	for _, i := range named {
		if n.left.vanished > 0 {
			s.try(n, fmt.Sprintf("file %d is gone", n.files[i].name), func(n *node) {
				n.left.vanished--
				n.files[i].vanish()
			})
		}
	}
	for i, d := range n.deletions {
		s.try(n, "somebody deletes files", func(n *node) {
			n.deletions = slices.Delete(n.deletions, i, i+1)
			n.deleteFiles(d)
		})
	}
}

func (w *world) clone() *world {
	c := *w
	c.generations = maps.Clone(w.generations)
	c.saved = nil // a search does not restore them
	c.files, c.marks, c.deletions = slices.Clone(w.files), slices.Clone(w.marks), slices.Clone(w.deletions)
	for i, k := range w.workers {
		k := *k
		k.world = &c
		k.todo, k.held = slices.Clone(k.todo), slices.Clone(k.held)
		k.reduces, k.parts = slices.Clone(k.reduces), slices.Clone(k.parts)
		c.workers[i] = &k
	}
	for i, v := range w.supervisors {
		v := *v
		v.world = &c
		c.supervisors[i] = &v
	}
	return &c
}

// By default the searches are those that end within a second, with WORDCOUNT_PROPERTIES=full also
// those that take minutes.
func TestAnyScheduleOfASmallModelIsExact(t *testing.T) {
	for _, c := range []struct {
		tasks, partitions, keep int
		faults                  faults
		needs                   guard // one without which the search fails
		long                    bool
	}{
		{1, 0, 0, faults{rollbacks: 1, lostReplies: 1}, allPending, false},
		{1, 1, 0, faults{vanished: 1}, addOnce, false},
		{1, 1, 0, faults{lostReplies: 1, thefts: 1}, putPending, false},
		{1, 1, 2, faults{vanished: 1}, checkFiles, false},
		{1, 1, 0, faults{rollbacks: 1}, putJoinsOn, true},
		{1, 1, 0, faults{vanished: 1, lostReplies: 1, thefts: 1}, putPending, true},
		{1, 1, 0, faults{rollbacks: 1, vanished: 1}, doneIfStored, true},
		{1, 1, 0, faults{rollbacks: 1, lostReplies: 1}, allPending, true},
		{1, 1, 0, faults{vanished: 2, deaths: 1}, mapsFirst, true},
		{1, 1, 2, faults{rollbacks: 1}, fillJoinsOn, true},
		{1, 2, 0, faults{rollbacks: 1}, readFenced, true},
		{1, 2, 0, faults{vanished: 1, thefts: 1}, mapIfRevoked, true},
		{2, 1, 0, faults{vanished: 1, thefts: 1}, recount, true},
		{2, 1, 0, faults{rollbacks: 1}, readFenced, true},
	} {
		if c.long && !full() {
			continue
		}
		t.Run(fmt.Sprintf("%d tasks, %d partitions, %d words kept, %+v", c.tasks, c.partitions, c.keep, c.faults), func(t *testing.T) {
			t.Parallel()
			states, err := searchAll(c.needs, c.tasks, c.partitions, c.keep, c.faults)
			if err == nil {
				t.Errorf("%d states are right without the guard %q", states, c.needs)
			}
			states, err = searchAll(allGuards, c.tasks, c.partitions, c.keep, c.faults)
			if err != nil {
				t.Error(err)
			}
			t.Logf("%d states", states)
		})
	}
}
