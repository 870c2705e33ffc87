// Package chaos breaks a running job on purpose, and judges what comes of it.
//
// A fault is one function: it chooses a victim, kills it, and returns once the job has recovered, saying what was lost
// and how long the recovery took. Afterwards Outlive waits for the job's own verdict. Nothing here is gentle: workers
// and Redis get a SIGKILL, never a request, for a server that is asked to end may save first.
//
//	a := chaos.Attack{Redis: rdb, Server: server, Plan: plan, Folder: folder, Say: say}
//	if err := a.WaitForProgress(ctx); err != nil { … }          // in the middle, not at the start
//	if err := a.KillWorker(ctx); err != nil { … }
//	sealed, err := a.AwaitSeal(ctx)                     // exact, or it says why not
//
// The attacker needs nothing from the supervisor but the state folder, and the job can't tell it from bad luck. Nobody else
// suffers: of the workers that Redis names, only living children of this folder's supervisor are hit, and as the supervisor
// only the process that holds the job's lock.
package chaos
