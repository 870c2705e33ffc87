package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
)

// call is a recorded call, read once for all objects.
type call struct {
	*history.Call
	args   []string
	known  bool                      // what it did is known
	code   string                    // of a call that was refused
	reply  []any                     // an answer that is a list
	text   string                    // an answer that is a text or a number
	named  map[string]map[int]string // stream → tasks that the call is about → what is said of each
	meta   map[string]string         // what it saw of the job
	output func(name string) []int   // the tasks that somebody committed under a name
}

func newCall(h *history.Call, output func(string) []int) *call {
	c := &call{Call: h, args: h.Args, known: h.Known(), named: map[string]map[int]string{}, output: output}
	if h.Refused != "" {
		c.code, _, _ = strings.Cut(h.Refused, " ")
		// A mistake within a function may have left half of it behind.
		if c.code != "ERR" || strings.Contains(h.Refused, "Function not found") {
			return c
		}
		c.known = false
	}
	c.reply, _ = h.Answer.([]any)
	if c.reply == nil {
		c.text = textOf(h.Answer)
	}
	c.read()
	return c
}

// arg is an argument; "" if there is none.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// said is the text at a place of the answer.
func (c *call) said(i int) string {
	if i < len(c.reply) {
		return textOf(c.reply[i])
	}
	return ""
}

func (c *call) name(stream string, task int, what string) {
	if c.named[stream] == nil {
		c.named[stream] = map[int]string{}
	}
	c.named[stream][task] = what
}

// about returns what is said of a task, if the call is about it.
func (c *call) about(stream string, task int) (what string, ok bool) {
	what, ok = c.named[stream][task]
	return what, ok
}

// read reads which tasks the call is about.
func (c *call) read() {
	switch c.Name {
	case history.Read, history.Steal:
		for _, task := range c.reply {
			stream, n, _ := strings.Cut(textOf(task), " ")
			c.name(stream, number(n), "")
		}
	case history.Pending:
		for _, owned := range c.reply {
			if pair, ok := owned.([]any); ok && len(pair) == 2 {
				stream, n, _ := strings.Cut(textOf(pair[0]), " ")
				c.name(stream, number(n), textOf(pair[1]))
			}
		}
	case "commit":
		for i := range number(c.arg(1)) {
			c.name("map", number(c.arg(2+i)), c.said(1+i))
		}
	case "revoke":
		for _, n := range c.output(c.arg(1)) {
			c.name("map", n, "")
		}
	case "put", "place":
		for i := range number(c.arg(2)) {
			c.name("reduce", number(c.arg(3+i))+1, c.said(1+i))
		}
	case "put_files":
		n := number(c.arg(1))
		for i := range n {
			what := c.said(1 + i)
			if c.said(0) != "refused" {
				what = c.arg(2 + n + 3*i)
			}
			c.name("reduce", number(c.arg(2+i))+1, what)
		}
	case "fail":
		c.name(c.arg(1), number(c.arg(2)), c.text)
	case "renew":
		for _, n := range c.args[min(3, len(c.args)):] {
			c.name(c.arg(2), number(n), "")
		}
	case "outputs":
		for name, o := range c.outputs() {
			for _, n := range o.tasks {
				c.name("map", n, name)
			}
		}
	case "results":
		if len(c.reply) == 3 {
			for part, text := range pairs(c.reply[2]) {
				name, _, _ := strings.Cut(text, " ")
				c.name("reduce", number(part)+1, name)
			}
		}
	case "status":
		if len(c.reply) == 3 {
			c.meta = pairs(c.reply[0])
		}
	case history.Meta:
		if slices.Contains(c.args, "run") && slices.Contains(c.args, "dismissed") && len(c.reply) == len(c.args) {
			c.meta = map[string]string{}
			for i, field := range c.args {
				c.meta[field] = c.said(i)
			}
		}
	}
}

// listed is an output in a list of outputs.
type listed struct {
	tokens, bytes int
	tasks         []int
	tally         string
}

// outputs is the answer of a call that lists the outputs.
func (c *call) outputs() map[string]listed {
	all := map[string]listed{}
	if len(c.reply) != 2 {
		return all
	}
	for name, text := range pairs(c.reply[1]) {
		var o listed
		if f := strings.Fields(text); len(f) == 5 {
			o = listed{number(f[0]), number(f[1]), rangesOf(f[2]), f[4]}
		}
		all[name] = o
	}
	return all
}

// rangesOf are the numbers in ranges like "1-17,20".
func rangesOf(text string) (numbers []int) {
	for r := range strings.SplitSeq(text, ",") {
		first, last, ok := strings.Cut(r, "-")
		if !ok {
			last = first
		}
		for n := number(first); n <= number(last); n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func pairs(list any) map[string]string {
	flat, _ := list.([]any)
	m := map[string]string{}
	for i := 0; i+1 < len(flat); i += 2 {
		m[textOf(flat[i])] = textOf(flat[i+1])
	}
	return m
}

func textOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64: // what JSON makes of a number
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// number is a number; one that makes no sense is -1.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
