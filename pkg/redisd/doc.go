// Package redisd finds, starts, kills and restores the Redis server of a working folder.
//
// # Basics
//
//	s, err := redisd.Ensure(ctx, redisd.Config{Dir: ".state"}, say)
//	c, err := s.Endpoint().Client("worker 1")
//	…
//	err = s.Kill(ctx)  // as a crash would
//	err = s.Start(ctx) // the same server, with the data of its last checkpoint
//
// [Ensure] takes the server whose address was given. Otherwise it starts one in a folder: a
// container of docker or podman, because that is the same server on every machine; a redis-server
// or valkey-server from PATH; or a program from the signed packages of Debian or Ubuntu, which are
// unpacked into the user's cache without root. The server runs on when its starter ends. The next
// Ensure in the folder uses it, or starts it again if it died.
//
// It listens on a unix socket in a folder that only this user can enter, and on 127.0.0.1 only if
// [Config] names a port or a container can't share a socket. Passwords are new at each start, and
// no client sends one before the system says that the listener is this user's. A client that keeps
// its [Endpoint] follows the server to another address and password.
//
// The server saves nothing by itself: after a crash its data is the last checkpoint that was asked
// for. It never evicts a key. [Server.Keep] keeps a few checkpoints. If the last one is damaged, a
// start goes back to an older one, or to nothing, and says so. Both are earlier states of the data.
//
// [Server.Kill] sends SIGKILL to every process of the folder's server. The child that writes a
// checkpoint must die too: orphaned, it would one day rename its snapshot over a newer one.
//
// # Rooms
//
// Each room imports only rooms that are listed below it:
//
//	redisd     Server, and the runtimes: process and container
//	endpoint   how a client gets to a server
//	datadir    the files in the server's own folder
//	program    the server program: on PATH, or fetched
//	host       what belongs to this user: folders, processes, listeners
//
// What redisd leaves to them knows no Server: a client in a child process needs an endpoint, but
// nothing that starts or kills; a fetched program is of use without a folder; and host is the one
// place that decides whom to trust.
//
// # Caveats
//
// A server that was given by its address belongs to somebody else: it is never started, killed or
// configured from here, and [Server.Owned] is false.
//
// A working folder may have been unpacked from anywhere, so nothing in it decides what runs or which
// process gets a signal. [CheckFolder] says what is refused.
//
// The errors say what to do, in one line without passwords. After [ErrRefused] it is useless to try
// again; after [ErrUnreachable] it may help.
//
// Clients repeat no command, and importing the package silences go-redis's log: see
// [Endpoint.Client].
package redisd
