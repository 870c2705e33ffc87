// Package supervisor sees one job through: it seeds the tasks, watches, recovers, takes checkpoints, and seals. It also keeps
// the worker processes alive.
//
// # Basics
//
//	s := supervisor.New(supervisor.Config{Redis: client, Plan: plan, Folder: folder, Revive: revive})
//	err := s.Seed(ctx)
//	sealed, err := s.Seal(ctx) // while workers work, and Checkpoints saves
//
// A supervisor keeps nothing that matters outside of the state folder: kill it, and the next one resumes. Two may work on
// one job, in one folder or in two.
//
//	seed.go        the tasks are put into the stream, again whenever a rollback has taken some away
//	watch.go       the job is looked at and brought back; home.go reads its state
//	checkpoint.go  a snapshot that began after the call
//	seal.go        the result is fenced, added up, awaited on disk, and published
//	budget.go      how much memory a job may take on a given server; eviction.go refuses one that drops keys
//	pool.go        the worker processes; process.go is one life of one
//	follow.go      a job that others supervise
//	incomplete.go  why a job could not be completed
//
// # Caveats
//
// Done is neither "nothing is pending", which holds before anything was delivered, nor the phase that was seen a moment
// ago. So Seal fences the result under a nonce first. Then it waits for a checkpoint that began after that, meanwhile adds
// up the whole result under the fence and looks at the files again, and at last makes sure that the fence still stands. A
// rollback to an earlier state takes the fence away, and sealing starts over. Only then are the workers dismissed.
//
// A fence that stands is adopted, not replaced, also by a supervisor of another folder: a second fence would invalidate the
// readers of the first.
//
// A folder remembers the run that it works on. A job of another run that turns up in its place, from an old dump that was
// restored after a clean, is wiped, because its files may have had other contents behind equal sizes and times.
//
// Errors and deaths of a task are counted apart. A death is counted against every task that may have caused it, and only if
// the supervisor saw it: what nobody saw, a lease that ran out or the end of a machine, counts against no task.
package supervisor
