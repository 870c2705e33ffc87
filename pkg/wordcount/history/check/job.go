package check

import (
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
)

// whole is what a job may be in, but for its tasks.
type whole struct {
	run       string // "": there is no job
	store     string
	keep      bool   // the sorted set has N words
	fence     string // "": none
	dismissed bool
	dead      bool // tasks are buried
	filled    int  // words in the sorted set of a job that keeps N of them
	full      bool // those are all
}

func (s whole) String() string {
	if s.run == "" {
		return "not there"
	}
	return fmt.Sprintf("run %s, store %q, fence %q, dismissed %v, tasks buried %v, filled %d, full %v",
		s.run, s.store, s.fence, s.dismissed, s.dead, s.filled, s.full)
}

// onJob is onTask for the job itself.
func (c *call) onJob() rule[whole] {
	switch c.code {
	case "":
	case "WCRUN":
		return stay(func(s whole) bool { return s.run != "" && s.run != c.arg(0) })
	case "WCNOJOB":
		return stay(func(s whole) bool { return s.run == "" })
	case "WCFINAL":
		return stay(func(s whole) bool { return s.run != "" && (s.fence == "" || s.fence != c.arg(0)) })
	default:
		if c.known {
			return nil
		}
	}
	switch c.Name {
	case history.Read, history.Steal, history.Pending, history.Sealed:
		return nil
	case history.Delete, history.Expire:
		return always(whole{})
	case history.Meta, "status":
		if !c.known || c.meta == nil {
			return nil
		}
		return stay(c.sees)
	case "clean":
		return func(s whole) []whole {
			if c.arg(0) == "" || s.run == "" || s.run == c.arg(0) {
				return []whole{{}}
			}
			return nil
		}
	case "seed":
		return func(s whole) []whole {
			if s.run == "" {
				s = whole{run: c.arg(0), store: c.arg(4), keep: c.arg(3) != "0"}
			}
			if c.known && (c.said(0) != s.run || c.said(2) != s.store) {
				return nil
			}
			return []whole{s}
		}
	case "result", "sum", "dismiss", "discard":
		return func(s whole) []whole {
			if s.fence == "" || s.fence != c.arg(0) {
				return nil
			}
			s.dismissed = s.dismissed || c.Name == "dismiss"
			return []whole{s}
		}
	}
	return func(s whole) []whole {
		if s.run == "" || s.run != c.arg(0) {
			return nil
		}
		return c.changes(s)
	}
}

// sees reports whether a job is what the call saw.
func (c *call) sees(s whole) bool {
	if s.run != c.meta["run"] || s.dismissed != (c.meta["dismissed"] != "") {
		return false
	}
	return c.Name != "status" || s.fence == c.meta["final"] && s.dead == (c.said(1) != "0")
}

// changes is what a call of its own run does to a job.
func (c *call) changes(s whole) []whole {
	switch c.Name {
	case "final":
		if s.fence == "" {
			s.fence = c.arg(1)
		}
		if s.dead || s.keep && !s.full || c.known && c.said(0) != s.fence {
			return nil
		}
	case "fail":
		if c.text == "buried" || !c.known {
			s.dead = true
		}
	case "revoke":
		if c.text == "revoked" && s.fence != "" { // a fence stands where all is stored
			return nil
		}
		if c.text == "revoked" || !c.known { // the tasks of an output that is lost too often are buried
			dead := s
			dead.dead = true
			return []whole{s, dead}
		}
	case "requeue":
		if c.known && s.dead != (c.text != "0") {
			return nil
		}
		s.dead = false
	case "fill":
		if from := number(c.arg(1)); !s.full && s.filled == from {
			s.filled, s.full = from+c.More/2, c.arg(2) == "1"
		}
		return c.filling(s)
	case "results":
		return c.filling(s)
	case "outputs", "commit", "put", "put_files":
		if s.fence != "" && c.known && c.said(0) != "refused" {
			return nil
		}
	}
	return []whole{s}
}

// filling keeps a job whose sorted set has come as far as the call was told.
func (c *call) filling(s whole) []whole {
	if c.known && (number(c.said(0)) != s.filled || (c.said(1) == "1") != s.full) {
		return nil
	}
	return []whole{s}
}
