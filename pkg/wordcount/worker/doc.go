// Package worker is the loop of one worker. The worker takes tasks, counts them, commits what it
// has counted, and renews its leases.
//
// # Basics
//
//	spec := worker.Spec{Job: job, Consumer: worker.NewName(), Lease: lease, Trust: trust}
//	w, err := worker.New(client, spec)
//	err = w.Run(ctx) // nil when the job is sealed or ctx ends
//
// In a process of its own, [Serve] reads the [Spec] from standard input first. A worker keeps
// nothing that matters, so it may be killed at any moment.
//
//	worker.go    the loop: one step after the other
//	claim.go     which tasks come next: the worker's own, those of dead workers, new ones
//	steal.go     how a lease is stolen; backup.go does a slow worker's task a second time
//	map.go       a map task: a split is read and counted
//	combiner.go  what is counted between two commits
//	commit.go    how a commit is sent while the worker counts on; commit_due.go says when
//	reduce.go    a reduce task: partial counts are merged, and totals are stored
//	lease.go     the heartbeat
//	check.go     which files a worker may open; inputs.go checks some before a host joins
//	crash.go     the moments at which a worker can be made to kill itself
//
// # Caveats
//
// A worker believes only the answer to its own commit. With every write it sends the run that it
// read at its start. If the job belongs to another run now, the worker ends. It forgets tasks that
// are settled. It counts pending ones again, each task alone.
//
// A thief doesn't have to be right. The first commit wins, so stealing from a living worker wastes
// work, but the counts stay correct. The thief believes the server's clock. Where that clock stands
// still, it believes its own monotonic clock.
//
// A worker compares each task with the digest that its own folder has of it, so that a writer to
// Redis can't make the worker open a file. A worker that joined from another host has no digests.
// It reads only within the input that it was started with. If its files differ from those of the
// job, it gives its tasks back and leaves.
package worker
