// Package pool keeps the worker processes of one supervisor alive until the job is sealed.
//
// # Basics
//
//	p := &pool.Pool{Size: 4, Worker: spec, Command: command, Release: release, …}
//	err := p.Start(ctx)
//	p.Dismiss() // once the job is sealed; Stop lets the workers commit first
//
// A worker that dies is replaced at once. Its leases are released, so that its tasks run again
// within milliseconds. Whatever the pool has to report goes to Events, and the end of the job to
// Fail.
//
//	pool.go     which workers live, and how many died
//	process.go  one life of one process: how it starts, what it is told, how it ends
//	leave.go    what happens if the workers of this host can't use the store
//
// # Caveats
//
// The exit status of a worker decides what happens. If any other worker would fail in the same way,
// the job fails with the last line that the worker wrote to standard error. Otherwise the worker is
// replaced, unless too many died in a row without a task done.
//
// A process that was killed or crashed may have died of its task. One that ended with an error did
// not. Release is told which it was, because deaths count against tasks.
//
// A worker ends when its standard input ends. So no worker survives its pool, even if the pool is
// killed.
package pool
