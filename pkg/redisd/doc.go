// Package redisd finds, starts, kills and restores the Redis server that a
// working folder uses. It knows nothing of what the server is used for.
//
//	s, err := redisd.Ensure(ctx, redisd.Config{Dir: ".wordcount"}, say)
//	c, err := s.Endpoint().Client("worker 1")
//	…
//	err = s.Kill(ctx)  // as a crash would
//	err = s.Start(ctx) // the same server, with the data of its last checkpoint
//
// # Which server
//
// [Ensure] takes the first that can be had, and says of each why it was or
// wasn't taken:
//
//   - The one whose address was given. It is somebody else's: nothing in this
//     package starts, kills or configures it, and [Server.Owned] is false.
//   - A container, by docker or podman. It comes first among ours because it
//     is the same server on every machine.
//   - A process, from the first redis-server or valkey-server on PATH that is 7.0
//     or newer and can read the folder's last checkpoint.
//   - The same from the packages of Debian or Ubuntu, where neither is
//     installed: apt fetches and verifies them, and they are unpacked into the
//     user's cache. That takes seconds, once, no root, and changes nothing in
//     the system.
//
// A server of ours stays up when its starter ends. The folder remembers it, so
// that the next Ensure uses it, or, if it died, starts it again: the folder and
// configuration are the same. The passwords are new, and the address may be
// another one; clients that kept the [Endpoint] find both in the folder when
// they connect again.
//
// # Where it listens
//
// On a unix socket, in a folder that only this user can enter: in the server's
// own, or, where that path is too long for a socket, in one that is made for it.
// On 127.0.0.1 only if a port was wished for, or where a container can't share a
// socket.
//
// None of our clients sends a password before it knows that the listener is this
// user's: by the socket's folder and the system's word on who listens there, and
// on 127.0.0.1 by the system's table of sockets. Where that can't be told,
// nothing is sent.
//
// # What is in the folder
//
// Dir/redis is the server's own working folder, readable by its owner alone:
//
//	server.json  the record: which server, and how to start it again
//	password     random, new at each start
//	redis.sock   where it listens
//	redis.conf   written anew at each start; holds the password, so that no
//	             command line has to, where everybody could read it
//	redis.log    what the server said; a failed start quotes its last words. One
//	             that has grown large becomes redis.log.old at the next start
//	dump.rdb     the last checkpoint, loaded at each start
//	checkpoints  the last few that were kept, to fall back on
//	users        rules of the users that were added, and their passwords, which
//	             are new at each start, too
//	lock         held while a server is started or stopped, so that two
//	             programs that do so at once get one server
//
// The configuration saves nothing by itself and keeps no log of commands: what
// is on disk after a crash is exactly the last checkpoint that was asked for.
// Nor does it ever evict a key.
//
// # Killing
//
// [Server.Kill] is SIGKILL. A SIGTERM or SHUTDOWN could save first, and a crash
// doesn't.
//
// The child that writes a checkpoint has to die too. Orphaned, it would finish
// one day and rename its snapshot over a newer one that the restarted server
// has written meanwhile. So all processes of the folder are killed; a
// container's end with it. Since somebody else may kill the server alone, each
// start looks for orphans first.
//
// What is ours is told not by its pid, which may have been given to another
// program, but by its user and title: each process carries a name in its
// command line, as the container does, that is made of what the system knows
// the folder by. A zombie has no command line, and counts as dead.
//
// # A folder that somebody prepared
//
// A working folder may have been unpacked from anywhere. Nothing in it decides
// what is run: the program, the container engine and the image are found again
// by the kind of server alone. See [CheckFolder] for what is refused.
//
// # When it doesn't work
//
// The errors say what to do, in one line that never holds a password, nor an
// address that could hold one. [ErrRefused] means that the server is there and
// won't have us: trying again is useless. [ErrUnreachable] means that nothing
// useful came back in time.
//
// A last checkpoint that can't be loaded is put aside, and the server starts
// from the newest of those that were kept with [Server.Keep], or from nothing:
// both are states that it was in, and both are said.
//
// # Caveats
//
// Clients repeat nothing: MaxRetries is off, since only the caller knows
// whether a command whose reply was lost may be sent again. Importing the
// package silences go-redis's own log, see [Endpoint.Client].
//
// Free ports are chosen below the range from which systems serve outgoing
// connections. A client that keeps dialling a dead port within that range is,
// once in a while, given this very port to dial from, and then talks to
// itself, while the restarted server finds its port taken.
package redisd
