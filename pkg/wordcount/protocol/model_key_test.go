package protocol_test

import (
	"encoding/binary"
	"reflect"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// key is a state as bytes. Nonces are renamed in the order in which they turn up, because it does
// not matter which they are. The contents of a file follow its name.
type key struct {
	bytes []byte
	names map[nonce]int
	world *world
}

// of is the hash of a state whose workers are in an order.
func (k *key) of(n node, workers ...*modelWorker) uint64 {
	k.bytes, k.world = k.bytes[:0], n.world
	clear(k.names)
	parts := []any{n.essential(n.redis, workers), n.supervisors[0].essential(), n.folders[0], n.deletions, n.marks, n.left}
	for _, w := range workers {
		parts = append(parts, w.essential())
	}
	if n.noted != nil {
		parts = append(parts, n.essential(*n.noted, workers))
	}
	if !n.supervisors[0].sealed {
		parts = append(parts, n.promise(&n.disk), n.promise(n.saving))
	}
	for _, part := range parts {
		k.add(reflect.ValueOf(part))
	}
	return xxhash.Sum64(k.bytes)
}

// What follows leaves out of a state what nobody asks for before it is set anew.

// essential is what a worker goes on with. Its slot says nothing: both see the store.
func (k *modelWorker) essential() modelWorker {
	if k.dismissed {
		return modelWorker{dismissed: true}
	}
	e := *k
	e.slot = 0
	if e.parts == nil {
		e.merging, e.next, e.totals, e.attempt, e.stored, e.names = 0, 0, counts{}, 0, 0, nil
	}
	return e
}

// essential is what a supervisor goes on with.
func (v *modelSupervisor) essential() modelSupervisor {
	e := *v
	switch {
	case e.sealed:
		e.tokens, e.save, e.word = 0, saveNone, 0
		if e.keep == 0 {
			e.counts = counts{}
		}
	case e.fence == 0:
		e.tokens, e.records, e.save, e.word, e.counts, e.rolledBack, e.keysLost = 0, 0, saveNone, 0, counts{}, false, false
	}
	return e
}

// essential is what Redis holds that these workers and the supervisor ask for. A worker that is gone
// doesn't come back: that it holds a task is the same as that nobody does, and of its attempts none
// goes on.
func (n node) essential(s modelState, workers []*modelWorker) modelState {
	lives := func(consumer nonce) bool {
		return slices.ContainsFunc(workers, func(k *modelWorker) bool { return !k.dismissed && k.consumer == consumer })
	}
	for _, stream := range []*modelStream{&s.maps, &s.reduces} {
		for id, owner := range stream.owner {
			if !lives(owner) {
				stream.owner[id] = 0
				stream.free.remove(id)
			}
		}
	}
	s.storing = slices.DeleteFunc(slices.Clone(s.storing), func(a modelStoring) bool {
		return !slices.ContainsFunc(workers, func(k *modelWorker) bool { return k.parts != nil && k.attempt == a.attempt })
	})
	return s
}

// promise is what a seal asks of a checkpoint, which no search restores.
func (n node) promise(dump *modelState) (p struct {
	there   bool
	final   nonce
	results modelResults
	counts  counts
}) {
	if dump == nil {
		return p
	}
	p.there = true
	if f := dump.final; f == n.redis.final || f == n.supervisors[0].fence || n.noted != nil && f == n.noted.final {
		p.final = f
	}
	if n.keep > 0 {
		p.results, p.counts = dump.results, dump.counts
	}
	return p
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
