package failure

import (
	"errors"

	"github.com/magereduce/magereduce/pkg/chaos/experiment"
	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/targets/deploy"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
)

// advices say what a person can do about an error. Advice that names a target or a variable is
// here, keyed by the library's sentinel, because libraries know neither targets nor variables.
// show.Typed replaces {mage}.
var advices = []struct {
	of    error
	words string
}{
	{redisd.ErrNone, "start one with redis:start, or set REDIS_URL"},
	{redisd.ErrOtherKind, "end it with redis:stop first"},
	{redisd.ErrGiven, "unset REDIS_URL to use a server of this folder"},
	{redisd.ErrSettings, "check REDIS_URL and the WORDCOUNT_REDIS_ variables ({mage} env)"},
	{redisd.ErrUnavailable, "set REDIS_URL to use a server elsewhere"},
	{redisd.ErrRefused, "REDIS_URL and the WORDCOUNT_REDIS_ variables say which server, and as which user ({mage} env)"},
	{redisd.ErrUnreachable, "if REDIS_URL is set, check it"},
	{redisd.ErrPortTaken, "choose a free port with WORDCOUNT_REDIS_PORT, or unset that to use a socket"},
	{redisd.ErrSocket, "WORDCOUNT_REDIS_PORT makes it listen on a port instead"},
	{redisd.ErrDump, "WORDCOUNT_REDIS_IMAGE names an image"},
	{redisfn.ErrConflict, "{mage} functions:load -replace"},
	{state.ErrNoLast, "{mage} run"},
	{plan.ErrForbidden, "WORDCOUNT_SKIP=unreadable counts what you may read"},
	{protocol.ErrNoResult, "{mage} clean run"},
	{supervisor.ErrBudget, "raise WORDCOUNT_REDIS_MEMORY and run again to resume"},
	{experiment.ErrSealed, "{mage} clean"},
	{place.ErrElsewhere, "set WORDCOUNT_SHUFFLE to where the job has them, as this host reaches it"},
	{plan.ErrOutside, "name the job's input by WORDCOUNT_INPUT or -input="},
	{deploy.ErrNoProgram, "run this in the folder of the magefile, or make a static program of it: CGO_ENABLED=0 mage -compile wordcount"},
	{redisfn.ErrMayNotLoad, "let an administrator do it, once: REDIS_URL=redis://ADMIN:PASSWORD@HOST:PORT {mage} functions:load"},
}

// advisedByCode says what a person can do about a job whose tasks were buried, or whose input has
// changed. It returns "" if the error itself says enough.
func advisedByCode(err error) string {
	const mend = "mend the cause, then: {mage} requeue run"
	const growing = "WORDCOUNT_GROWING=planned counts files that grow up to the size that they had at first"
	var buried *supervisor.DeadLetterError
	if errors.As(err, &buried) {
		switch buried.Code() {
		case protocol.Changed: // requeue helps, because the file may have its old content again
			return "to count what it is now: {mage} requeue run"
		case protocol.Grew:
			return "to count what it is now: {mage} requeue run; " + growing
		case protocol.Unreadable:
			return mend + "; or leave the file out with WORDCOUNT_EXCLUDE, and run again"
		case protocol.BadRecord:
			return "without WORDCOUNT_STRICT, a record that has no value is counted as such; more WORDCOUNT_WORKER_MEMORY lets records be larger"
		case protocol.TooLong:
			return "if it is not text, WORDCOUNT_SKIP=binary leaves out files with NUL bytes, WORDCOUNT_EXCLUDE any by name; then run again"
		}
		return mend
	}
	var changed *supervisor.ChangedInputError
	if errors.As(err, &changed) && changed.Code() == protocol.Grew {
		return growing
	}
	return ""
}

// Advise returns an error with advice for people, in which {mage} is replaced as in show.Typed.
func Advise(err error, words string) error { return adviceError{err, show.Typed(words)} }

// adviceError is an error with advice.
type adviceError struct {
	error
	words string
}

func (e adviceError) Error() string { return e.error.Error() + ": " + e.words }
func (e adviceError) Unwrap() error { return e.error }

// advised adds the advice for an error, unless the error already has some.
func advised(err error) error {
	if has := (adviceError{}); errors.As(err, &has) {
		return err
	}
	if words := advisedByCode(err); words != "" {
		return Advise(err, words)
	}
	for _, a := range advices {
		if errors.Is(err, a.of) {
			return Advise(err, a.words)
		}
	}
	return err
}
