// Package worker is the loop of one worker: it takes tasks, counts them, commits what it counted, and keeps its leases.
//
// # Basics
//
//	w, err := worker.New(client, worker.Spec{Job: job, Consumer: worker.NewName(), Lease: lease, Trust: trust})
//	err = w.Run(ctx) // nil when the job is sealed or ctx ends
//
// In a process of its own, Serve reads the Spec from standard input first. A worker keeps nothing that matters: it may be
// killed at any moment.
//
//	worker.go    the loop: one step after the other
//	claim.go     which tasks are next: its own, those of the dead, new ones
//	steal.go     how a lease is stolen; backup.go does a slow worker's task a second time
//	map.go       a map task: a split is read and counted
//	combiner.go  what is counted between two commits
//	commit.go    how a commit is sent, while the worker counts on; commit_due.go says when
//	reduce.go    a reduce task: partial counts are merged, and totals stored
//	lease.go     the heartbeat
//	check.go     which files a worker may open; inputs.go looks at some before a host joins
//	crash.go     the moments at which a worker can be made to kill itself
//
// # Caveats
//
// A worker believes nothing but the answer to its own commit. It sends the run that it read at its start with every write,
// and if the job belongs to another run by now, it ends. Settled tasks it forgets. Pending ones it counts again, alone.
//
// A thief need not be right: the first commit wins, so stealing from the living costs work and no correctness. It believes
// the server's clock, and where that stands still its own monotonic one.
//
// What a task says is compared with the digest that the worker's own folder has of it, so that a writer to Redis can't make
// a worker open a file. A worker that joined from another host has no digests. It reads within the input that it was
// started with, and if files differ from the job's it gives its tasks back and leaves.
package worker
