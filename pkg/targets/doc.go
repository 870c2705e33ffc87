// Package targets is the plugin for Mage. A magefile that imports it has its targets:
//
//	import (
//		//mage:import
//		"github.com/magereduce/magereduce/pkg/targets"
//	)
//
// An alias works: //mage:import wc gives wc:run, wc:chaos:killWorker and so on. The command
// mage -compile works, too.
//
// # To depend on a job
//
// Job returns the whole build graph of a job as one node, and Verified the node after it:
//
//	func Report(ctx context.Context) error {
//		job := targets.Config{Inputs: []string{"texts"}}
//		mg.CtxDeps(ctx, targets.Verified(job))
//		result, err := targets.Result(ctx, job)
//		if err != nil {
//			return err
//		}
//		for word, err := range result.All(ctx) { … }
//	}
//
// Result has the words of exactly that job. The target export reads the last job in ".wordcount",
// which may be another one.
//
// Attacked is Job with faults of package chaos. Discard removes what such a job leaves. The target
// demo in this repository's magefile shows both.
//
// # The graph
//
// The graph is in graph.go, and package graph runs its nodes. A node runs a step. A step is a
// function of a session, and steps of one configuration share one session within a process. Each
// step is idempotent for two reasons: Mage runs a target that is named on the command line even if
// it has run before, and the next process starts from any state that the last one left. Each
// configuration has its own set of nodes, so one process can run two jobs.
//
// Recovery is not part of the graph, because Mage runs a node once per process, and Redis may die
// more often. The job itself brings the server and the functions back, as often as it must.
//
// # To configure it
//
// The targets obey environment variables, which package config and the README list. Some targets
// have flags. A flag wins over a variable, a variable over a field of a Config, and a field over
// the default. Variables don't change a Config that is AsIs.
//
// Targets that need no input concern the job that was last run in this folder. So does a run that
// names no input: see package config.
//
// # Processes
//
// A worker is another process of the same program. If a variable names a role, an init function
// runs that role, and the process never becomes a magefile: see process.go. Nothing is found by the
// name of a target, so an alias doesn't matter. Each worker has its own process group, and ends
// when the pipe from its supervisor is closed.
//
// After Ctrl-C the workers finish their current work, the supervisor takes a checkpoint, and the
// program exits with 130. All this takes at most four seconds, because Mage ends every process
// after five. Package failure lists the exit statuses.
package targets
