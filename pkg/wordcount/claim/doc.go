// Package claim decides which tasks a worker does: which come next, which it may do, and which it
// still holds.
//
// # Basics
//
// A [Claimer] gets the tasks, [Leases] remembers them, and a [Heartbeat] keeps other workers from
// taking them:
//
//	me := claim.Consumer{Client: client, Name: name, Lease: lease}
//	claims := claim.New(me, leases, nil)
//	go claim.Heartbeat{Consumer: me, Leases: leases, Reads: reads, Waits: waits}.Run(ctx)
//
//	claims.Run, claims.Phase = run, phase // as the job says
//	tasks, err := claims.Next(ctx, share)
//	err = checker.Check(tasks[0])         // before its files are opened
//	leases.Done(tasks[0].TaskID, bytes)   // after its commit
//
// A host calls [CheckInputs] before its first worker claims anything.
//
//	next.go       in which order a worker looks for tasks
//	claim.go      tasks that are new, and those whose delivery was lost
//	steal.go      how a lease is stolen; backup.go does a slow worker's task a second time
//	task.go       what an entry of a stream says
//	lease.go      the tasks that a worker holds; heartbeat.go renews the leases
//	check.go      which files a worker may open; inputs.go checks some before a host joins
//
// # Caveats
//
// A lease is no lock. A worker that lost a lease, or never noticed that it was stolen, may still do
// the task. So a thief doesn't have to be right: the first commit wins, stealing from a living
// worker wastes work, and the counts stay correct. The thief believes the server's clock. Where that
// clock stands still, it believes its own monotonic clock.
//
// A heartbeat falls silent while a file can't be read, so that another host may try. It says
// nothing about whether the worker makes progress otherwise.
//
// A task is compared with the digest that the worker's own folder has of it, so that a writer to
// Redis can't make the worker open a file. A worker that joined from another host has no digests.
// It reads only within the input that it was started with.
package claim
