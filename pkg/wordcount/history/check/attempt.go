package check

import (
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
)

// attempt is how many words an attempt to store totals has stored.
type attempt int

func (s attempt) String() string { return fmt.Sprintf("at %d", int(s)) }

// nonce names the attempt that a call belongs to; "" if there is none.
func (c *call) nonce() string {
	if c.Name == "put" || c.Name == "place" {
		return c.arg(1)
	}
	return ""
}

// onAttempt is onTask for an attempt. Of others' calls it knows only those that delete the job: the
// last put, which forgets all attempts, leaves none whose tasks are pending.
func (c *call) onAttempt(nonce string) rule[attempt] {
	if c.code != "" && c.known {
		return nil
	}
	switch c.Name {
	case history.Delete, history.Expire, "clean":
		return always(attempt(0))
	case "place":
		if c.nonce() == nonce && c.said(0) == "at" {
			return stay(func(s attempt) bool { return int(s) == number(c.said(1)) })
		}
	case "put":
		if c.nonce() == nonce && c.said(0) != "refused" {
			return c.puts
		}
	}
	return nil
}

// puts is what a put does to its attempt.
func (c *call) puts(s attempt) []attempt {
	at := number(c.arg(2)) + 3
	from, words, last := number(c.arg(at)), number(c.arg(at+1)), c.arg(at+2) == "1"
	joins := int(s) == from
	next := s
	switch {
	case joins && last:
		next = 0
	case joins:
		next = attempt(from + words)
	}
	switch {
	case !c.known:
		return []attempt{next}
	case c.said(0) == "committed":
		if !joins || !last {
			return nil
		}
	case joins && last || int(next) != number(c.said(1)): // it was told another place
		return nil
	}
	return []attempt{next}
}
