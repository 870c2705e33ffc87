package protocol_test

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// standin is as much of Redis as a schedule of the model needs: the keys of a job, and the commands
// in the forms in which the library and its callers send them. With it a schedule takes no server,
// and a copy of it is a checkpoint. TestTheStandInAnswersAsRedisDoes compares it with a server.
//
// It knows no time, and counts no deliveries: an entry of a stream has been idle for as long as
// XCLAIM said, or not at all. A stream has one group at most. All IDs are N-0. A command in another
// form is a panic.
type standin struct{ keys map[string]value }

// value is what a key has. It knows its commands.
type value interface {
	kind() string
	empty() bool // as if the key weren't there
	clone() value
	do(command string, args []string) any
}

// The replies are int, string, status, redisError, nil, and []any of these.
type (
	status     string
	redisError string
)

// writing are the commands that a function without writes may not send.
var writing = strings.Fields(`DEL UNLINK HSET HSETNX HINCRBY HDEL ZADD ZINCRBY
	XADD XGROUP XACK XCLAIM XAUTOCLAIM XREADGROUP`)

func (s *standin) clone() *standin {
	c := standin{map[string]value{}}
	for key, v := range s.keys {
		c.keys[key] = v.clone()
	}
	return &c
}

// do carries out a command.
func (s *standin) do(command string, args ...string) any {
	switch command {
	case "TYPE":
		if v := s.keys[args[0]]; v != nil {
			return status(v.kind())
		}
		return status("none")
	case "EXISTS", "DEL", "UNLINK":
		return s.count(command != "EXISTS", args)
	case "XGROUP", "XINFO": // the subcommand is before the key
		args = slices.Concat(args[1:2], args[:1], args[2:])
	case "XREADGROUP": // GROUP group consumer COUNT n STREAMS key id
		args = []string{args[6], args[1], args[2], args[4], args[7]}
	}
	key, args := args[0], args[1:]
	v := s.keys[key]
	if v == nil {
		v = emptyValue(command)
	}
	reply := v.do(command, args)
	if v.empty() {
		delete(s.keys, key)
	} else {
		s.keys[key] = v
	}
	if read, ok := reply.([]any); command == "XREADGROUP" && ok {
		return []any{[]any{key, read}}
	}
	return reply
}

// emptyValue is what a command finds where there is no key.
func emptyValue(command string) value {
	switch command[0] {
	case 'H':
		return &hash{}
	case 'Z':
		return &zset{}
	}
	return &stream{}
}

// count returns how many of the keys are there. It may delete them.
func (s *standin) count(deletes bool, keys []string) (n int) {
	for _, key := range keys {
		if s.keys[key] != nil {
			n++
		}
		if deletes {
			delete(s.keys, key)
		}
	}
	return n
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// hash has its fields in the order in which they came, as a small hash of Redis does.
type hash []field

type field struct{ name, value string }

func (h *hash) kind() string { return "hash" }
func (h *hash) empty() bool  { return len(*h) == 0 }
func (h *hash) clone() value { c := slices.Clone(*h); return &c }

func (h *hash) find(name string) *field {
	for i := range *h {
		if (*h)[i].name == name {
			return &(*h)[i]
		}
	}
	return nil
}

// set tells whether the field is new.
func (h *hash) set(name, value string) int {
	if f := h.find(name); f != nil {
		f.value = value
		return 0
	}
	*h = append(*h, field{name, value})
	return 1
}

func (h *hash) get(name string) any {
	if f := h.find(name); f != nil {
		return f.value
	}
	return nil
}

func (h *hash) do(command string, args []string) any {
	n := 0
	var all []any
	switch command {
	case "HSET":
		for i := 0; i < len(args); i += 2 {
			n += h.set(args[i], args[i+1])
		}
		return n
	case "HSETNX":
		if h.find(args[0]) != nil {
			return 0
		}
		return h.set(args[0], args[1])
	case "HINCRBY":
		if f := h.find(args[0]); f != nil {
			n = number(f.value)
		}
		n += number(args[1])
		h.set(args[0], strconv.Itoa(n))
		return n
	case "HDEL":
		before := len(*h)
		*h = slices.DeleteFunc(*h, func(f field) bool { return slices.Contains(args, f.name) })
		return before - len(*h)
	case "HGET":
		return h.get(args[0])
	case "HEXISTS":
		if h.find(args[0]) != nil {
			return 1
		}
		return 0
	case "HLEN":
		return len(*h)
	case "HMGET":
		for _, name := range args {
			all = append(all, h.get(name))
		}
		return all
	case "HKEYS", "HGETALL":
		for _, f := range *h {
			all = append(all, f.name)
			if command == "HGETALL" {
				all = append(all, f.value)
			}
		}
		return all
	}
	panic(command)
}

// zset is in ascending order of the scores, and of the names where these are equal.
type zset []member

type member struct {
	name  string
	score float64
}

func (z *zset) kind() string { return "zset" }
func (z *zset) empty() bool  { return len(*z) == 0 }
func (z *zset) clone() value { c := slices.Clone(*z); return &c }

func score(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (m member) text() string { return strconv.FormatFloat(m.score, 'g', 17, 64) }

// set gives a member its score, or adds to it. It tells whether the member is new.
func (z *zset) set(name string, score float64, adds bool) (m member, added int) {
	i := slices.IndexFunc(*z, func(m member) bool { return m.name == name })
	if i < 0 {
		i, added = len(*z), 1
		*z = append(*z, member{name: name})
	}
	if adds {
		score += (*z)[i].score
	}
	(*z)[i].score = score
	m = (*z)[i]
	slices.SortFunc(*z, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(a.name, b.name))
	})
	return m, added
}

func (z *zset) do(command string, args []string) any {
	switch command {
	case "ZADD":
		n := 0
		for i := 0; i < len(args); i += 2 {
			_, added := z.set(args[i+1], score(args[i]), false)
			n += added
		}
		return n
	case "ZINCRBY":
		m, _ := z.set(args[1], score(args[0]), true)
		return m.text()
	case "ZCOUNT":
		n := 0
		for _, m := range *z {
			if m.score >= score(args[0]) && m.score <= score(args[1]) {
				n++
			}
		}
		return n
	case "ZRANGE": // from to [REV] WITHSCORES
		all := slices.Clone(*z)
		if args[2] == "REV" {
			slices.Reverse(all)
		}
		from := min(number(args[0]), len(all))
		to := min(number(args[1])+1, len(all))
		flat := []any{}
		for _, m := range all[from:max(from, to)] {
			flat = append(flat, m.name, m.text())
		}
		return flat
	}
	panic(command)
}

// stream is a stream and its group.
type stream struct {
	entries []entry // ascending
	last    int     // ID
	group   string  // "": none
	read    int     // last-delivered-id of the group
	pending []pending
}

type entry struct {
	id     int
	fields []string
}

type pending struct {
	id       int
	consumer string
	idle     int // milliseconds
}

func (s *stream) kind() string { return "stream" }
func (s *stream) empty() bool  { return s.last == 0 && s.group == "" }
func (s *stream) clone() value {
	c := *s
	c.entries, c.pending = slices.Clone(s.entries), slices.Clone(s.pending)
	return &c
}

func idText(id int) string { return strconv.Itoa(id) + "-0" }

// idOf reads an ID, or the end of a range. A bracket in front leaves the ID itself out.
func idOf(text string) int {
	switch text {
	case "-":
		return 0
	case "+":
		return math.MaxInt
	}
	id, outside := strings.CutPrefix(strings.TrimSuffix(text, "-0"), "(")
	if outside {
		return number(id) + 1 // ranges have one only where they begin
	}
	return number(id)
}

func (s *stream) entry(id int) *entry {
	i, found := slices.BinarySearchFunc(s.entries, id, func(e entry, id int) int { return e.id - id })
	if !found {
		return nil
	}
	return &s.entries[i]
}

func (e entry) reply() any {
	var fields []any
	for _, f := range e.fields {
		fields = append(fields, f)
	}
	return []any{idText(e.id), fields}
}

// deliver makes an entry pending, for a consumer.
func (s *stream) deliver(id int, consumer string) *pending {
	i, found := slices.BinarySearchFunc(s.pending, id, func(p pending, id int) int { return p.id - id })
	if !found {
		s.pending = slices.Insert(s.pending, i, pending{id: id})
	}
	p := &s.pending[i]
	p.consumer, p.idle = consumer, 0
	return p
}

func (s *stream) do(command string, args []string) any {
	switch command {
	case "XADD":
		id := idOf(args[0])
		if id <= s.last {
			return redisError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
		}
		s.last = id
		s.entries = append(s.entries, entry{id, args[1:]})
		return idText(id)
	case "XLEN":
		return len(s.entries)
	case "XGROUP": // CREATE group id MKSTREAM
		if s.group != "" {
			return redisError("BUSYGROUP Consumer Group name already exists")
		}
		s.group, s.read = args[1], idOf(args[2])
		return status("OK")
	case "XINFO":
		if s.empty() {
			return redisError("ERR no such key")
		}
		if args[0] == "STREAM" {
			return []any{"length", len(s.entries), "last-generated-id", idText(s.last)}
		}
		if s.group == "" {
			return []any{}
		}
		return []any{[]any{"name", s.group, "pending", len(s.pending), "last-delivered-id", idText(s.read)}}
	}
	return s.doInGroup(command, args)
}

func (s *stream) doInGroup(command string, args []string) any {
	if s.group != args[0] {
		if command == "XACK" {
			return 0
		}
		return redisError("NOGROUP No such key or consumer group")
	}
	args = args[1:]
	switch command {
	case "XACK":
		before := len(s.pending)
		for _, id := range args {
			s.pending = slices.DeleteFunc(s.pending, func(p pending) bool { return p.id == idOf(id) })
		}
		return before - len(s.pending)
	case "XPENDING": // start end count [consumer]
		all := []any{}
		for _, p := range s.pending {
			if p.id >= idOf(args[0]) && p.id <= idOf(args[1]) && len(all) < number(args[2]) &&
				(len(args) < 4 || p.consumer == args[3]) {
				all = append(all, []any{idText(p.id), p.consumer, p.idle, 1})
			}
		}
		return all
	case "XREADGROUP": // consumer n id
		if args[2] == ">" {
			return s.readNew(args[0], number(args[1]))
		}
		own := func(p *pending) bool { return p.id > idOf(args[2]) && p.consumer == args[0] }
		return s.claim(args[0], number(args[1]), own)
	case "XAUTOCLAIM": // consumer idle start COUNT n
		from, idle, n := idOf(args[2]), number(args[1]), number(args[4])
		claimed := s.claim(args[0], n, func(p *pending) bool { return p.id >= from && p.idle >= idle })
		return []any{nil, claimed, []any{}} // without the place to go on from
	case "XCLAIM":
		return s.doClaim(args)
	}
	panic(command)
}

// readNew gives a consumer the next entries, n at most. It returns nil if there are none.
func (s *stream) readNew(consumer string, n int) any {
	var read []any
	for _, e := range s.entries {
		if e.id > s.read && len(read) < n {
			s.read = e.id
			s.deliver(e.id, consumer)
			read = append(read, e.reply())
		}
	}
	if read == nil {
		return nil // and no empty list
	}
	return read
}

// claim gives a consumer some pending entries, n at most.
func (s *stream) claim(consumer string, n int, some func(*pending) bool) []any {
	claimed := []any{}
	for i := range s.pending {
		if p := &s.pending[i]; len(claimed) < n && some(p) {
			p.consumer, p.idle = consumer, 0
			claimed = append(claimed, s.entry(p.id).reply())
		}
	}
	return claimed
}

// doClaim is XCLAIM: consumer 0 id [IDLE n] [FORCE] JUSTID.
func (s *stream) doClaim(args []string) any {
	consumer, id, options := args[0], args[2], args[3:]
	found := slices.ContainsFunc(s.pending, func(p pending) bool { return p.id == idOf(id) })
	if s.entry(idOf(id)) == nil || !found && !slices.Contains(options, "FORCE") {
		return []any{}
	}
	p := s.deliver(idOf(id), consumer)
	if options[0] == "IDLE" {
		p.idle = number(options[1])
	}
	return []any{id}
}
