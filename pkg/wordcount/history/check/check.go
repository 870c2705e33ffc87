package check

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/magereduce/magereduce/pkg/wordcount/history"
)

// ErrForbidden says that the protocol doesn't allow a history. The text is a report of some lines.
var ErrForbidden = errors.New("history: the protocol forbids it")

// Verdict is what came of a check.
type Verdict struct {
	Calls     int
	Undecided []string // objects that could not be decided in time
}

func (v Verdict) String() string {
	if len(v.Undecided) > 0 {
		return fmt.Sprintf("%d calls, undecided: %s", v.Calls, strings.Join(v.Undecided, ", "))
	}
	return fmt.Sprintf("%d calls are allowed", v.Calls)
}

// Folder checks the history that processes have recorded in a folder. limit bounds the search for
// one object. The error wraps ErrForbidden if the protocol doesn't allow the history.
func Folder(dir string, limit time.Duration) (Verdict, error) {
	calls, err := history.Load(dir)
	if err != nil {
		return Verdict{}, err
	}
	return Calls(calls, limit)
}

// Calls is Folder for calls in the order in which they began.
func Calls(all []*history.Call, limit time.Duration) (Verdict, error) {
	v := Verdict{Calls: len(all)}
	jobs := map[string]*book{}
	var restarts []*history.Call
	for _, h := range all {
		if h.Name == history.Restart {
			if h.Answer != false {
				restarts = append(restarts, h)
			}
		} else if jobs[h.Job] == nil {
			jobs[h.Job] = newBook(h.Job, all)
		}
	}
	for _, b := range jobs {
		if err := b.plain(); err != nil {
			return v, err
		}
		undecided, err := b.search(restarts, limit)
		if err != nil {
			return v, err
		}
		v.Undecided = append(v.Undecided, undecided...)
	}
	slices.Sort(v.Undecided)
	return v, nil
}

// book is the history of one job.
type book struct {
	job   string
	calls []*call
	maps  int // of the job, as a seed that was accepted says
	parts int
	names map[string][]int // tasks that were committed under a name
}

func newBook(job string, all []*history.Call) *book {
	b := &book{job: job, names: map[string][]int{}}
	var mine []*history.Call
	for _, h := range all {
		if h.Job != job {
			continue
		}
		mine = append(mine, h)
		if h.Name == "commit" && len(h.Args) > 4 {
			n := number(h.Args[1])
			if name := h.Args[min(n+4, len(h.Args)-1)]; b.names[name] == nil {
				for _, task := range h.Args[2 : 2+n] {
					b.names[name] = append(b.names[name], number(task))
				}
			}
		}
		if h.Name == "seed" && len(h.Args) > 2 && h.Known() && h.Refused == "" {
			b.maps, b.parts = max(b.maps, number(h.Args[1])), max(b.parts, number(h.Args[2]))
		}
	}
	seen := map[string]any{}
	for _, h := range mine {
		// A process that looks again, and sees the same, says nothing new.
		if h.Name == "status" || h.Name == history.Meta {
			again := h.Known() && reflect.DeepEqual(seen[h.Process+h.Name], h.Answer)
			if seen[h.Process+h.Name] = h.Answer; again {
				continue
			}
		}
		b.calls = append(b.calls, newCall(h, func(name string) []int { return b.names[name] }))
	}
	return b
}

// search searches each object of the job for an order.
func (b *book) search(restarts []*history.Call, limit time.Duration) (undecided []string, err error) {
	decide := func(what string, ok bool, e error) {
		if !ok {
			undecided = append(undecided, what)
		}
		err = errors.Join(err, e)
	}
	decide(search(b, "job "+b.job, restarts, limit, (*call).onJob))
	for n := 1; n <= b.maps && err == nil; n++ {
		decide(search(b, fmt.Sprintf("map task %d of job %s", n, b.job), restarts, limit, func(c *call) rule[task] { return c.onTask("map", n) }))
	}
	for n := 1; n <= b.parts && err == nil; n++ {
		decide(search(b, fmt.Sprintf("reduce task %d of job %s", n, b.job), restarts, limit, func(c *call) rule[task] { return c.onTask("reduce", n) }))
	}
	attempts := map[string]bool{}
	for _, c := range b.calls {
		if nonce := c.nonce(); nonce != "" && !attempts[nonce] && err == nil {
			attempts[nonce] = true
			decide(search(b, "attempt "+nonce+" of job "+b.job, restarts, limit, func(c *call) rule[attempt] { return c.onAttempt(nonce) }))
		}
	}
	return undecided, err
}

// search searches one object for an order of the calls. ruleOf is what a call says of it.
func search[S comparable](b *book, what string, restarts []*history.Call, limit time.Duration, ruleOf func(*call) rule[S]) (object string, decided bool, err error) {
	var ops []porcupine.Operation
	for _, h := range restarts {
		for range launches {
			ops = append(ops, op[S]{call: h}.operation())
		}
	}
	for _, c := range b.calls {
		r := ruleOf(c)
		if r == nil {
			continue
		}
		later := !c.known || c.Name == history.Expire
		ops = append(ops, op[S]{call: c.Call, rule: r, later: later}.operation())
		if c.Name == "discard" && c.arg(1) != "0" { // from now on the keys may expire
			var nothing S
			ops = append(ops, op[S]{call: c.Call, rule: always(nothing), later: true}.operation())
		}
	}
	switch porcupine.CheckOperationsTimeout(model[S](), ops, limit) {
	case porcupine.Ok:
		return what, true, nil
	case porcupine.Unknown:
		return what, false, nil
	}
	return what, true, fmt.Errorf("%w: %s", ErrForbidden, report[S](what, ops, limit))
}

// launches is how often a server may be started within one restart: somebody may kill it meanwhile.
const launches = 3
