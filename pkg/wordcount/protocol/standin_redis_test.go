package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// Commands in the forms that the library and its callers send, in any order, have the same replies.
func TestTheStandInAnswersAsRedisDoes(t *testing.T) {
	t.Parallel()
	w := &twin{tb: t, server: plainClient(t, redistest.Start(t))}
	check.AnySchedule(t, "./pkg/wordcount/protocol", 200, func(t *rapid.T) {
		w.do([]string{"DEL", "h1", "h2", "z", "s1", "s2"})
		s := new(standin).clone()
		for range 80 {
			command := anyCommand(t)
			want := plain(command, w.do(command))
			if got := plain(command, s.do(command[0], command[1:]...)); got != want {
				t.Fatalf("%v: the stand-in says %s, and Redis %s", command, got, want)
			}
		}
	})
}

// In some schedules of the model, all that is sent to the stand-in is sent to a server, too. The
// interpreter of Lua, which isn't Redis's, is so compared with Redis's.
func TestTheLibraryDoesInTheStandInWhatItDoesInRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	_, err := protocol.Library.Load(t.Context(), server.Client(t))
	check.Must(t, err)
	l, err := loadLibrary(lua.Wordcount)
	check.Must(t, err)
	w := &twin{tb: t, server: plainClient(t, server)}
	l.witness = w.hear
	for seed := range uint64(10) {
		w.journals = map[*standin][][]string{}
		check.Must(t, scheduleOf(seed).playBeside(l, allGuards, false).bad)
	}
}

// twin does on a server what is done to the stand-in.
type twin struct {
	tb       testing.TB
	server   *redis.Client
	at       *standin                // the state that the server is in
	journals map[*standin][][]string // what led to each state, from nothing
}

// hear is the witness of a library.
func (w *twin) hear(before, after *standin, reply any, command []string) {
	if w.at != before { // a rollback
		w.do(append([]string{"UNLINK"}, shadowKeys...))
		for _, earlier := range w.journals[before] {
			w.do(earlier)
		}
	}
	got, want := plain(command, w.do(command)), plain(command, reply)
	if got != want {
		w.tb.Fatalf("%v: the stand-in says %s, and Redis %s", command, want, got)
	}
	if w.at = after; after == before {
		return
	}
	w.journals[after] = append(slices.Clip(w.journals[before]), command)
	for _, key := range shadowKeys {
		look := [][]string{{"TYPE", key}}
		switch after.keys[key].(type) {
		case *hash:
			look = [][]string{{"HGETALL", key}}
		case *zset:
			look = [][]string{{"ZRANGE", key, "0", "9", "WITHSCORES"}}
		case *stream:
			look = [][]string{
				{"XINFO", "STREAM", key}, {"XINFO", "GROUPS", key},
				{"XPENDING", key, protocol.Group, "-", "+", "9"},
			}
		}
		for _, read := range look {
			got, want := plain(read, w.do(read)), plain(read, after.do(read[0], read[1:]...))
			if got != want {
				w.tb.Fatalf("%v, and then %v: the stand-in says %s, and Redis %s", command, read, want, got)
			}
		}
	}
}

func (w *twin) do(command []string) any {
	args := make([]any, len(command))
	for i, word := range command {
		args[i] = word
	}
	return fromServer(w.server.Do(w.tb.Context(), args...).Result())
}

// plainClient gets replies in the form that scripts get them in.
func plainClient(tb testing.TB, server *redistest.Server) *redis.Client {
	options := *server.Client(tb).(*redis.Client).Options()
	options.Protocol = 2
	c := redis.NewClient(&options)
	tb.Cleanup(func() { c.Close() })
	return c
}

// commandForms are the commands as they are sent. A word with @ stands for any of commandWords.
var commandForms = []string{
	"TYPE @key", "EXISTS @stream @stream", "DEL @key", "UNLINK @key",
	"HSET @hash @field @value", "HSET @hash @field @value @field @value", "HSETNX @hash @field @value",
	"HINCRBY @hash @field @n", "HDEL @hash @field", "HGET @hash @field", "HEXISTS @hash @field",
	"HLEN @hash", "HMGET @hash a b c", "HKEYS @hash", "HGETALL @hash",
	"ZADD z @n @member", "ZADD z @n @member @n @member", "ZINCRBY z @n @member", "ZCOUNT z @n @n",
	"ZRANGE z 0 @n REV WITHSCORES", "ZRANGE z @n @n WITHSCORES",
	"XADD @stream @id path @value split @value", "XADD @stream @id partition @value", "XLEN @stream",
	"XGROUP CREATE @stream workers 0 MKSTREAM", "XINFO STREAM @stream", "XINFO GROUPS @stream",
	"XREADGROUP GROUP workers @consumer COUNT @some STREAMS @stream >",
	"XREADGROUP GROUP workers @consumer COUNT @some STREAMS @stream 0",
	"XAUTOCLAIM @stream workers @consumer 0 @id COUNT @some",
	"XACK @stream workers @id", "XACK @stream workers @id @id",
	"XPENDING @stream workers @id @id 1", "XPENDING @stream workers - + 1000 @consumer",
	"XPENDING @stream workers (@id + 1000 @consumer", "XPENDING @stream workers - + 1000",
	"XCLAIM @stream workers @consumer 0 @id JUSTID",
	"XCLAIM @stream workers @consumer 0 @id IDLE 1000000000 JUSTID",
	"XCLAIM @stream workers @consumer 0 @id IDLE 1000000000 FORCE JUSTID",
}

var commandWords = map[string][]string{
	"@key": {"h1", "h2", "z", "s1", "s2"}, "@hash": {"h1", "h2"}, "@stream": {"s1", "s2"},
	"@field": {"a", "b", "c"}, "@value": {"1", "2", "30"}, "@member": {"w0", "w1", "w2"},
	"@id": {"1-0", "2-0", "3-0", "4-0"}, "@consumer": {"5", "6"}, "@n": {"0", "1", "2", "3"}, "@some": {"1", "2", "3"},
}

func anyCommand(t *rapid.T) []string {
	words := strings.Fields(rapid.SampledFrom(commandForms).Draw(t, "form"))
	for i, word := range words {
		if at := strings.Index(word, "@"); at >= 0 {
			words[i] = word[:at] + rapid.SampledFrom(commandWords[word[at:]]).Draw(t, word)
		}
	}
	return words
}

func fromServer(reply any, err error) any {
	switch {
	case errors.Is(err, redis.Nil):
		return nil
	case err != nil:
		return redisError(err.Error())
	}
	return reply
}

// plain is a reply as text, without what the stand-in doesn't know.
func plain(command []string, reply any) string {
	switch r := reply.(type) {
	case redisError:
		return redisfn.Code(errors.New(string(r)))
	case []any:
		switch command[0] {
		case "XPENDING":
			for i, row := range r {
				p := row.([]any)
				r[i] = []any{p[0], p[1], len(fmt.Sprint(p[2])) >= len(fmt.Sprint(releasedIdle))}
			}
		case "XAUTOCLAIM":
			return fmt.Sprint(r[1])
		case "XINFO":
			if command[1] == "STREAM" {
				return some(r, "length", "last-generated-id")
			}
			for i, group := range r {
				r[i] = some(group.([]any), "name", "last-delivered-id")
			}
		}
	}
	return fmt.Sprint(reply)
}

// some are the values of names in a flat list.
func some(flat []any, names ...string) (values string) {
	for i := 0; i < len(flat); i += 2 {
		if slices.Contains(names, flat[i].(string)) {
			values += fmt.Sprintln(flat[i], flat[i+1])
		}
	}
	return values
}
