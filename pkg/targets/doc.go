// Package targets is the plugin for Mage: import it into any magefile, and its targets are yours.
//
//	import (
//		//mage:import
//		"github.com/magereduce/magereduce/pkg/targets"
//	)
//
// An alias works (//mage:import wc gives wc:run, wc:chaos:killWorker and so on), and so does mage -compile.
//
// # To depend on a job
//
// Job returns the whole build graph of a job as one node, and Verified the node after it:
//
//	func Report(ctx context.Context) error {
//		job := targets.Config{Input: "texts"}
//		mg.CtxDeps(ctx, targets.Verified(job))
//		result, err := targets.Result(ctx, job)
//		if err != nil {
//			return err
//		}
//		for word, err := range result.All(ctx) { … }
//	}
//
// Result has the words of exactly that job. The target export speaks of the last job in ".wordcount", which may be
// another one.
//
// Attacked is Job while faults of package chaos befall it; Discard removes what such a job leaves. The demo in this
// repository's magefile shows both.
//
// graph.go is that graph. A step is a function of a session, which is what steps of one configuration share within a
// process. Each is idempotent, because targets that are named on the command line bypass Mage's memory, and because the
// next process starts from whatever the last one left. Two configurations are two sets of nodes, so two jobs fit into
// one process.
//
// Recovery is not part of the graph: Mage runs a node once per process, and Redis may die more often. The supervisor is
// given a function that brings the server and the functions back (session.revive), and calls that as often as it must.
//
// # To configure it
//
// The targets obey environment variables, listed in config.go and in the README. Some have flags, which win over
// variables, which win over the fields of a Config, which win over defaults. A Config that is AsIs is not changed by
// variables.
//
// Targets that need no input speak of the job that was last run in this folder. So does a run that names no input: it
// goes on with that one's, and with the options that say which job it was. Each command that an error advises therefore
// concerns the job that failed.
//
// # Processes
//
// A worker is this very program, started again. An init function looks for a variable and, if it is there, the process
// never becomes a magefile: see process.go. Nothing is found by a target's name, so an alias doesn't matter. Each worker
// has a process group of its own, and ends when the pipe from its supervisor does.
//
// Ctrl-C lets the workers finish what they have in hand, takes a checkpoint and exits with 130, all within four seconds,
// for Mage ends everything after five.
//
// # Exit statuses
//
//	0    the counts are exact            4    the state of the job is invalid
//	1    unexpected, or Ctrl-C twice     5    incomplete: tasks were given up, or the input changed
//	2    wrong usage or input            6    verify found a difference
//	3    Redis unreachable or refusing   130  interrupted: run resumes
package targets
