package targets

import (
	"errors"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
)

// advices say what a person can do about an error. Libraries know neither targets nor variables, so
// the advice that names one is here, by the library's sentinel.
var advices = []struct {
	of    error
	words string
}{
	{redisd.ErrNone, "start one with redis:start, or set REDIS_URL"},
	{redisd.ErrOtherKind, "end it with redis:stop first"},
	{redisd.ErrGiven, "unset REDIS_URL to use a server of this folder"},
	{redisd.ErrSettings, "check REDIS_URL and the WORDCOUNT_REDIS_ variables (mage env)"},
	{redisd.ErrUnavailable, "set REDIS_URL to use a server elsewhere"},
	{redisd.ErrRefused, "REDIS_URL and the WORDCOUNT_REDIS_ variables say which server, and as which user (mage env)"},
	{redisd.ErrUnreachable, "if REDIS_URL is set, check it"},
	{redisd.ErrPortTaken, "choose a free port with WORDCOUNT_REDIS_PORT, or unset that to use a socket"},
	{redisd.ErrSocket, "WORDCOUNT_REDIS_PORT makes it listen on a port instead"},
	{redisd.ErrDump, "WORDCOUNT_REDIS_IMAGE names an image"},
	{redisfn.ErrConflict, "mage functions:load -replace"},
	{redisfn.ErrMayNotLoad, "let an administrator do it, once: REDIS_URL=redis://ADMIN:PASSWORD@HOST:PORT mage functions:load"},
}

// adviceError is an error with advice for a person.
type adviceError struct {
	error
	words string
}

func (e adviceError) Error() string { return e.error.Error() + ": " + e.words }
func (e adviceError) Unwrap() error { return e.error }

// advised adds the advice for an error, once.
func advised(err error) error {
	if has := (adviceError{}); errors.As(err, &has) {
		return err
	}
	for _, a := range advices {
		if errors.Is(err, a.of) {
			return adviceError{err, a.words}
		}
	}
	return err
}
