// Package worker is the loop of one worker. The worker does the tasks that package claim gets for
// it: it reads splits, which package combine counts, commits what is counted, and stores the totals
// that package merge makes.
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
//	map.go       a map task: a split is opened, counted and checked; reading.go is how it is read
//	commit.go    how a commit is sent while the worker counts on
//	reduce.go    reduce tasks: totals are stored in the sorted set
//	publish.go   the same for a job that keeps N words in the sorted set: totals go to a result file
//	store.go     how the store of the map outputs is opened
//	spec.go      what a worker is told; process.go is the life of a process that is told so
//	cause.go     what a task that failed leaves for people
//	tell.go      what the worker writes to its journal
//	crash.go     the moments at which a worker can be made to kill itself
//
// # Caveats
//
// A worker believes only the answer to its own commit. With every write it sends the run that it
// read at its start. If the job belongs to another run now, the worker ends. If a commit is refused,
// the worker forgets the tasks that are settled. It counts the pending ones again, and each alone if
// that is refused, too.
//
// A map output that can't be read says nothing about its host's disk or network, or about the
// tasks. It is read again, the mark of the run is looked at, and only then is it revoked, so that
// its tasks run again. A store that can't be used at all is the fault of this host: nothing is
// revoked and no task is blamed, and the worker waits, and then leaves.
//
// A worker that joined from another host leaves if its files differ from those of the job, or if S3
// denies it an object. It gives its tasks back first, and nothing is counted against them, because
// another host may have the right files, or the right to read. What else is wrong with an object is the
// same on every host, and is counted.
package worker
