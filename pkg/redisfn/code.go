package redisfn

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Code is the first word of an error reply of Redis: WRONGTYPE, NOPERM, OOM, or one that a function
// chose by redis.error_reply('CLOSED …'). It is "" for any other error, such as a lost connection.
//
// A function's own code needs a word after it: Redis turns one word alone into "ERR CLOSED".
//
// A redis.call that fails inside a function ends the function with the code of that failure. A
// mistake in the Lua, or error('…') with plain words, ends it with ERR.
func Code(err error) string {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return ""
	}
	code, _, _ := strings.Cut(reply.Error(), " ")
	if code != strings.ToUpper(code) { // the client makes redis.Nil and the like
		return ""
	}
	return code
}
