package check

import (
	"fmt"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// task is what a map task or a reduce task may be in.
type task struct {
	run  string // of the job; "": there is no job
	at   place
	by   string // who has it; or what has it: an output, a result file
	lost int    // how often its output was lost since somebody forgot that
}

type place uint8

const (
	unseeded place = iota // the job is there, and the task isn't in the stream yet; a reduce task never is so
	waiting               // nobody has it yet
	pending               // somebody has it
	settled               // it is committed, or stored
	buried
)

func (s task) String() string {
	if s.run == "" {
		return "not there"
	}
	what := [...]string{"unseeded", "undelivered", "pending", "settled", "buried"}[s.at]
	if s.by != "" {
		what += " (" + s.by + ")"
	}
	if s.lost > 0 {
		what += fmt.Sprintf(", lost %d times", s.lost)
	}
	return what + " in run " + s.run
}

// to is the task in another place.
func (s task) to(at place, by string) task {
	s.at, s.by = at, by
	return s
}

// stands reports whether the task stands as a refused call was told.
func (s task) stands(standing string) bool {
	switch standing {
	case protocol.Pending:
		return s.at == pending
	case protocol.Settled:
		return s.at == settled || s.at == buried
	case protocol.Undelivered:
		return s.at == unseeded || s.at == waiting
	}
	return false
}

// ofRun reports whether the job of the task belongs to the run that the call gave.
func (c *call) ofRun(s task) bool { return s.run == c.arg(0) }

// onTask returns what a call says of a task; nil if it says nothing. If it isn't known what the
// call did, it returns what the call may do.
func (c *call) onTask(stream string, n int) rule[task] {
	if c.code != "" && c.known {
		return nil
	}
	what, named := c.about(stream, n)
	switch c.Name {
	case "seed":
		return c.seeds(stream, n)
	case history.Delete, history.Expire:
		return always(task{})
	case "clean":
		return func(s task) []task {
			if c.arg(0) == "" || s.run == "" || c.ofRun(s) {
				return []task{{}}
			}
			return nil
		}
	case "discard": // forgets what tasks went through
		return func(s task) []task {
			if s.at != settled {
				return nil
			}
			s.lost = 0
			return []task{s}
		}
	case "result", "sum", "dismiss":
		if c.known {
			return stay(func(s task) bool { return s.at == settled })
		}
	case "requeue":
		return func(s task) []task {
			switch {
			case !c.ofRun(s), s.at == buried && c.text == "0":
				return nil
			case s.at == buried:
				return []task{{run: s.run, at: pending, by: "requeued"}}
			}
			return []task{s}
		}
	case "final":
		if c.known {
			return stay(func(s task) bool { return c.ofRun(s) && s.at == settled })
		}
	case "results":
		if c.known {
			return stay(func(s task) bool { return c.ofRun(s) && s.at == settled && (!named || s.by == what) })
		}
	case "outputs":
		if c.known && named {
			return stay(func(s task) bool { return c.ofRun(s) && s.at == settled && s.by == what })
		}
	case "status", history.Meta:
		if phase := c.meta["phase"]; phase == "done" || phase == "reduce" && stream == "map" {
			return stay(func(s task) bool { return s.run == c.meta["run"] && s.at == settled })
		}
	case history.Read, history.Steal, history.Pending, "renew":
		return c.has(stream, n)
	case "commit", "put", "put_files", "place", "fail", "revoke":
		if named {
			return c.tries(what)
		}
	}
	return nil
}

// seeds is what a call of seed does to a task.
func (c *call) seeds(stream string, n int) rule[task] {
	first := number(c.arg(6))
	last := first - 1 + c.More/2
	run, top := c.said(0), number(c.said(1))
	return func(s task) []task {
		there := s.run != ""
		if !there {
			s = task{run: c.arg(0)}
			if stream == "reduce" {
				s.at = waiting
			}
		}
		appended := s
		if s.at == unseeded && first <= n && n <= last {
			appended.at = waiting
		}
		switch {
		case !c.known:
			return []task{s, appended}
		case s.run != run:
			return nil
		case stream == "map" && (appended.at == unseeded) != (n > top): // it was told the wrong number
			if s.at == unseeded && n > top { // the chunk didn't join on
				return []task{s}
			}
			return nil
		}
		return []task{appended}
	}
}

// has is a rule of calls that take tasks, or see who has them.
func (c *call) has(stream string, n int) rule[task] {
	what, named := c.about(stream, n)
	who := c.arg(0)
	take := func(from place) rule[task] {
		return func(s task) []task {
			if s.at != from || s.run == "" {
				return nil
			}
			return []task{s.to(pending, who)}
		}
	}
	held := func(by string, yes bool) rule[task] {
		return stay(func(s task) bool { return (s.at == pending && s.by == by) == yes })
	}
	own := c.arg(1) == "own"
	switch {
	case c.Name == history.Read && !own && (named || !c.known && slices.Contains(c.args[3:], stream)):
		return take(waiting)
	case c.Name == history.Steal && (named || !c.known && c.arg(1) == stream):
		return take(pending)
	case !c.known:
	case c.Name == history.Read && own && named:
		return held(who, true)
	case c.Name == history.Read && own && slices.Contains(c.args[3:], stream) && len(c.reply) < number(c.arg(2)):
		return held(who, false) // it would be in the list
	case c.Name == history.Pending && named:
		return held(what, true)
	case c.Name == history.Pending && c.arg(0) == stream && len(c.reply) < number(c.arg(1)):
		return stay(func(s task) bool { return s.at != pending })
	case !named:
	case c.Name == "renew" && c.text == "0":
		return held(c.arg(1), false)
	case c.Name == "renew" && number(c.text) == len(c.args)-3:
		return held(c.arg(1), true)
	}
	return nil
}

// tries is a rule of calls that do something with tasks if they are as the caller thinks.
func (c *call) tries(what string) rule[task] {
	turn := func(in func(task) bool, to func(task) task) rule[task] {
		return func(s task) []task {
			if !c.ofRun(s) || !in(s) {
				return nil
			}
			return []task{to(s)}
		}
	}
	isPending := func(s task) bool { return s.at == pending }
	same := func(s task) task { return s }
	verdict := c.said(0)
	if c.Name == "fail" {
		verdict = c.text
	}
	switch {
	case c.known && verdict == "refused", c.Name == "fail" && (verdict == protocol.Settled || verdict == protocol.Undelivered):
		return turn(func(s task) bool { return s.stands(what) }, same)
	case c.known && (verdict == "at" || verdict == "failed"):
		return turn(isPending, same)
	}
	switch c.Name {
	case "commit":
		name := c.arg(number(c.arg(1)) + 4)
		return turn(isPending, func(s task) task { return s.to(settled, name) })
	case "put":
		if c.arg(number(c.arg(2))+5) == "1" {
			return turn(isPending, func(s task) task { return s.to(settled, "") })
		}
	case "put_files":
		return turn(isPending, func(s task) task { return s.to(settled, what) })
	case "fail":
		return turn(isPending, func(s task) task { return s.to(buried, "") })
	case "revoke":
		if c.text == "nothing" {
			return nil
		}
		return turn(func(s task) bool { return s.at == settled && s.by == c.arg(1) }, func(s task) task {
			if s.lost++; s.lost >= number(c.arg(4)) {
				return s.to(buried, "")
			}
			return s.to(pending, "revoked")
		})
	}
	return nil
}
