// Package supervisor sees one job through. It seeds the tasks, watches the job, recovers it, and
// seals it. Package pool runs the workers, package checkpoint saves, and package place keeps the
// folders of the map outputs.
//
// # Basics
//
//	config := supervisor.Config{Redis: client, Plan: plan, Folder: folder, Revive: revive}
//	s := supervisor.New(config)
//	err := s.Seed(ctx)
//	sealed, err := s.Seal(ctx) // while workers work, and Checkpoints saves
//
// A supervisor keeps nothing that matters outside of the state folder. If it is killed, the next
// one resumes. Two supervisors may work on one job, in one folder or in two.
//
//	seed.go        puts the tasks into the stream, again after a rollback took some away
//	watch.go       watches the job and restores it; home.go reads its state
//	next_look.go   when the watch looks again
//	seal.go        fences the result, adds it up, waits until it is durable, and publishes it
//	results.go     checks the result files of a job that keeps N words, and fills the sorted set
//	budget.go      how much memory a job may take on a given server
//	expiry.go      lets the keys on a given server expire, if no supervisor comes back
//	eviction.go    refuses a server that drops keys
//	follow.go      a job that another supervisor sees through
//	deserted.go    whether any worker is left
//	waiting.go     whether workers wait for something
//	incomplete.go  why a job could not be completed
//
// # Caveats
//
// Two signs don't prove that a job is done. One is that nothing is pending, because nothing is
// pending before the first delivery either. The other is the phase, because a rollback may have
// undone it after it was read. So Seal first puts the result under a fence, which is a nonce. Then
// it waits for a checkpoint that started after that. Meanwhile it adds up the whole result under
// the fence and checks the files again. At last it makes sure that the fence still stands. A
// rollback to an earlier state removes the fence, and then sealing starts again. The workers are
// dismissed only after all of this.
//
// A supervisor adopts a fence that stands, and doesn't replace it, even if another folder's
// supervisor has set it. A second fence would invalidate the readers of the first.
//
// A folder remembers the run that it works on. A job of another run may appear in its place, from
// an old dump that was restored after a clean. The supervisor wipes it, because the files may have
// had other contents then, with equal sizes and times.
//
// Errors and deaths of a task are counted separately. Release counts a death against every task that
// may have caused it, so it must be told only of deaths that were seen. A lease that ran out and the
// end of a machine count against no task.
package supervisor
