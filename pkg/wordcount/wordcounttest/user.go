package wordcounttest

import (
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// User makes a user by ACL rules and returns the way in as that user. The library is there: an
// administrator loaded it.
func User(tb testing.TB, server *redistest.Server, name, rules string) redisd.Endpoint {
	tb.Helper()
	admin := server.Client(tb)
	set := []any{"ACL", "SETUSER", name, "reset", "on", ">sesame"}
	for _, rule := range strings.Fields(rules) {
		set = append(set, rule)
	}
	check.Must(tb, admin.Do(tb.Context(), set...).Err())
	_, err := protocol.Library.Load(tb.Context(), admin)
	check.Must(tb, err)
	return redisd.Endpoint{URL: "redis://" + name + ":sesame@" + server.Addr}
}

// Connect connects as a user, until the test ends.
func Connect(tb testing.TB, as redisd.Endpoint) redis.UniversalClient {
	tb.Helper()
	rdb, err := as.Client("guest")
	check.Must(tb, err)
	tb.Cleanup(func() { rdb.Close() })
	return rdb
}
