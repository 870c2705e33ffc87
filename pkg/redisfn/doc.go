// Package redisfn loads and calls Redis Functions, the server-side Lua that
// Redis 7 keeps with its data.
//
// A Library is one source file that begins with its name:
//
//	#!lua name=counter_1
//	-- counter 1: adds, and never below zero
//	redis.register_function('counter_1_add', function(keys, args) … end)
//
// Embed that file, parse it once, load it when the program starts, and call:
//
//	//go:embed counter.lua
//	var source string
//
//	var counter = redisfn.MustParse(source)
//
//	outcome, err := counter.Load(ctx, client)
//	n, err := counter.Call(ctx, client, "counter_1_add", []string{"visits"}, 3).Int64()
//
// # Loading
//
// Load compares code, not names. Where the library is missing it is loaded;
// where the very same code is there, nothing is written; where *other* code
// holds the name, Load refuses with a ConflictError that shows both sides.
// Functions are shared by everyone on the server: the other code may be an
// older build whose processes still run, and to swap it under them would
// change what their calls mean in mid-flight. Replace does swap it: it is for
// the developer who edits the Lua, and for the operator who knows that nobody
// else uses it.
//
// So let the names of a library and of its functions carry a version, and
// raise it when their meaning changes. Both versions then live side by side
// (Redis refuses two libraries that register the same function), and a server
// restored from an old dump brings back old code only under the old name.
//
// Of a Cluster or a Ring every master gets the library. FUNCTION LOAD names no
// key, so the client by itself would send it to one node only.
//
// # Calling
//
// A server can lose its functions at any time: it came back empty, somebody
// typed FUNCTION FLUSH, a new master joined. Call and CallRO therefore answer
// "Function not found" by loading the library and repeating the call, once.
// That is safe, since the call that failed did nothing. Every other error is
// returned untouched, and Code gives its first word, so that a function can
// say what went wrong in a way that Go can switch on:
//
//	return redis.error_reply('CLOSED the counter was closed')  -- in Lua
//	switch redisfn.Code(err) { case "CLOSED": … }              // in Go
//
// The client has its own opinion on repeating: go-redis sends a command again
// after a lost reply, calls of functions included, unless MaxRetries is -1. A
// function that must not run twice has to notice by itself that it already ran.
// And a function that fails half-way keeps what it wrote: check everything,
// then write.
//
// # Permissions
//
// Four commands, and whatever the functions themselves call, which Redis checks
// against the same user:
//
//	ACL SETUSER app … +fcall +fcall_ro +function|load +function|list
//
// A Cluster client asks for +cluster|slots and +command besides.
package redisfn
