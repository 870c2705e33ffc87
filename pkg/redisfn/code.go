package redisfn

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Code is the word that an error reply of Redis begins with: WRONGTYPE, NOPERM,
// OOM, or one that a function chose itself by redis.error_reply('CLOSED …').
// It is empty for an error that is no such reply, a lost connection for example.
//
// A function's code needs a word after it: of one word alone Redis makes
// "ERR CLOSED".
//
// Any redis.call that fails inside a function ends it with the code of that
// failure; a Lua mistake, or error('…') with mere words, ends it with ERR.
func Code(err error) string {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return ""
	}
	code, _, _ := strings.Cut(reply.Error(), " ")
	if code != strings.ToUpper(code) { // redis.Nil and its like are made by the client
		return ""
	}
	return code
}
