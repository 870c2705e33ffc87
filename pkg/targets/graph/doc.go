// Package graph runs the nodes of a build graph with Mage, and reports the first failure.
//
//	seed := graph.New("stream:seed", id, seedStream)
//	spawn := graph.New("workers:spawn", id, spawnWorkers, seed)
//	loop := graph.New("checkpoint:loop", id, takeCheckpoints, seed)
//	err := graph.Run(ctx, spawn, loop) // seed runs once
//
// Nodes that one node needs, or that one call of Run names, are siblings. They run at the same
// time. The first one that fails ends the others, and only its error is reported. Mage alone would
// let the others go on, and merge all errors into one with exit status 1.
//
// The package knows nothing of jobs. Which nodes a job has is in graph.go of package targets.
//
// # Caveats
//
// Mage remembers nodes by name and ID for as long as the process lives. It runs each node once,
// even if the node fails.
package graph
