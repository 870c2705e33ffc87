package protocol_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// faults are how many of each kind a search allows.
type faults struct{ rollbacks, vanished, lostReplies, thefts, deaths int }

// node is a state that a search has come to.
type node struct {
	*world
	left faults
	// noted is the state that a rollback brings back. It is chosen when Redis is in it.
	noted *modelState
}

// modelSearch tries every order of all that two workers, one supervisor and few faults do, and ends
// the job without another fault from each state.
type modelSearch struct {
	seen map[uint64]bool // hashes of states
	key  key
	path []string // to the state
	bad  error    // the first that is wrong; path leads there
}

func searchAll(without guard, tasks, partitions, keep int, left faults) (states int, err error) {
	w := &world{without: without, tasks: tasks, partitions: partitions, keep: keep, limit: 3, batch: 1}
	w.generations = map[nonce]int{}
	w.folderOf[1] = 1
	for i := range w.supervisors {
		w.restart(i)
	}
	w.workers[2].left = true
	s := modelSearch{seen: map[uint64]bool{}}
	s.visit(node{w, left, nil})
	if s.bad != nil {
		return len(s.seen), fmt.Errorf("%w, after: %s", s.bad, strings.Join(s.path, ", "))
	}
	return len(s.seen), nil
}

func (s *modelSearch) visit(n node) {
	s.key.of(n)
	hash := xxhash.Sum64(s.key.bytes)
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
	s.workers(n)
	s.accidents(n)
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

func (s *modelSearch) accidents(n node) {
	if n.saving != nil {
		s.try(n, "a save ends", func(n *node) { n.saveDone() })
	}
	if n.left.rollbacks > 0 && n.noted == nil {
		s.try(n, "Redis will come back to this", func(n *node) {
			now := n.redis
			n.noted = &now
		})
	}
	if n.noted != nil {
		s.try(n, "Redis rolls back", func(n *node) {
			n.left.rollbacks--
			n.rollBack(*n.noted)
			n.noted = nil
		})
	}
	for i, f := range n.files {
		if n.left.vanished > 0 && !f.gone {
			s.try(n, fmt.Sprintf("file %d is gone", f.name), func(n *node) {
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

// key is a state as bytes. Nonces are renamed in the order in which they turn up, because it does
// not matter which they are. The contents of a file follow its name.
type key struct {
	bytes []byte
	names map[nonce]int
	world *world
}

func (k *key) of(n node) {
	k.bytes, k.names, k.world = k.bytes[:0], map[nonce]int{}, n.world
	for _, part := range []any{n.redis, n.noted, n.disk, n.saving, n.workers[0], n.workers[1], n.supervisors[0],
		n.folders[0], n.deletions, n.marks, n.left} {
		k.add(reflect.ValueOf(part))
	}
}

var typeOfWorld, typeOfNonce = reflect.TypeFor[*world](), reflect.TypeFor[nonce]()

func (k *key) add(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			k.add(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		k.number(v.Len())
		for i := range v.Len() {
			k.add(v.Index(i))
		}
	case reflect.Pointer:
		if v.Type() != typeOfWorld && !v.IsNil() {
			k.add(v.Elem())
		}
		k.number(0)
	case reflect.String:
		k.bytes = append(append(k.bytes, v.String()...), 0)
	case reflect.Bool:
		k.bytes = append(k.bytes, 0)
		if v.Bool() {
			k.bytes[len(k.bytes)-1] = 1
		}
	case reflect.Int:
		if v.Type() == typeOfNonce {
			k.name(nonce(v.Int()))
		} else {
			k.number(int(v.Int()))
		}
	case reflect.Uint16:
		k.number(int(v.Uint()))
	default:
		panic(v.Kind())
	}
}

func (k *key) number(n int) { k.bytes = binary.AppendVarint(k.bytes, int64(n)) }

func (k *key) name(n nonce) {
	if n == 0 {
		k.number(0)
		return
	}
	alias, known := k.names[n]
	if !known {
		alias = 1 + len(k.names)
		k.names[n] = alias
	}
	k.number(alias)
	if f := k.world.file(n); f != nil && !known {
		k.add(reflect.ValueOf(*f))
	}
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
