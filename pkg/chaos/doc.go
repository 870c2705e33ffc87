// Package chaos breaks a running job on purpose, and waits until the job has recovered.
//
//	a := chaos.Attack{Redis: rdb, Server: server, Plan: plan, Folder: folder, Say: say}
//	if err := a.WaitForProgress(ctx); err != nil { … } // the middle of the job, not its start
//	recovery, err := a.KillWorker(ctx)
//	sealed, err := a.AwaitSeal(ctx) // the job's own verdict
//
// # Faults
//
// A fault is one function. It chooses a victim, hits it, waits until the job has recovered, says
// what was lost, and returns how long the recovery took. Afterwards AwaitSeal waits until the job
// is sealed, or returns an error that says why it was not. Workers and Redis are killed with
// SIGKILL and never asked to end, because a server that is asked to end may save first.
//
// # Who is hit
//
// An attack needs nothing from the supervisor but the state folder. The job can't tell an attack
// from a real accident. A signal hits nobody else. A worker gets one only if Redis names it and it
// is a living child process of this folder's supervisor. The supervisor is the process that holds
// the job's lock. A disk is filled only if it is a small one that this program has made for the job.
package chaos
