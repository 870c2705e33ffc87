// Package redisfn loads and calls Redis Functions, the server-side Lua that Redis 7 keeps with its
// data.
//
// # Basics
//
// A Library is one source file that begins with its name. Embed the file, parse it once, load it
// when the program starts, and call its functions:
//
//	//go:embed counter.lua
//	var source string // begins with "#!lua name=counter_1"
//
//	var counter = redisfn.MustParse(source)
//
//	outcome, err := counter.Load(ctx, client)
//	n, err := counter.Call(ctx, client, counter.Function("add"), []string{"visits"}, 3).Int64()
//
// Load compares code, not names. It loads a library that is missing, and writes nothing where the
// very same code is there. It refuses other code under the name with a ConflictError, because
// everyone on the server shares its functions, and processes of an older build may still call them.
// Replace overwrites other code. It is for the developer who edits the Lua, and for the operator
// who knows that nobody else uses the library.
//
// Let the names of a library and of its functions end or begin with a version, and raise it when
// their meaning changes. Then both versions live side by side, and a server restored from an old
// dump brings back old code only under the old name.
//
// A server can lose its functions at any time: it came back empty, somebody typed FUNCTION FLUSH, a
// new master joined. Call and CallRO answer "Function not found" by loading the library and calling
// again, once. That is safe, because the call that failed did nothing. They return every other
// error untouched, and Code gives its first word:
//
//	return redis.error_reply('CLOSED the counter was closed')  -- in Lua
//	switch redisfn.Code(err) { case "CLOSED": … }              // in Go
//
// A user needs the rights to four commands, and to those that the functions call:
//
//	ACL SETUSER app … +fcall +fcall_ro +function|load +function|list
//
// # Caveats
//
// go-redis sends a command again after a lost reply, calls of functions included, unless MaxRetries
// is -1. A function that must not run twice has to notice that it ran already.
//
// A function that fails half-way keeps what it wrote: check everything first, then write.
//
// FUNCTION LOAD names no key, so a Cluster client alone would send it to one node only. Load gives
// the library to every master of a Cluster and every shard of a Ring. For that it must know a
// *redis.ClusterClient or a *redis.Ring; a type that wraps one counts as one server. A Cluster
// client also needs +cluster|slots and +command.
package redisfn
