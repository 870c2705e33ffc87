// Package experiment breaks jobs on purpose, and judges their results.
//
//	e := &experiment.Experiment{Job: job, Command: command, Say: say, …}
//	if err := e.Start(ctx); err != nil { … } // or another process runs the job
//	defer e.End()
//	outcome, err := e.Try(ctx, chaos.KillWorker)
//
// Package chaos has the faults, and knows nothing about results. An experiment needs a whole job.
// It starts the job in a process of its own, injects faults while the job runs, waits until it is
// sealed, and compares its result with a recount of the input. The verdict is "exact", or an error.
//
// There are three kinds of experiments. Try injects one fault. Each tries several faults, and
// starts the job anew for each. Storm injects faults at random, into one job after the other. It
// also checks the history of each job: what all processes called, and what they were told, must be
// what the protocol allows.
//
// # Caveats
//
// The connections of Experiment.Job must not be those of the process that runs the job, because a
// fault may cut the latter. Two experiments must not break one job at the same time.
package experiment
