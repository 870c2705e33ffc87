// Package wordcount counts the words of many files, exactly once, with workers that may die at any moment and a Redis that
// may too.
//
// # Basics
//
// A program says what to count, and reads the result:
//
//	job, err := wordcount.Open(ctx, wordcount.Config{Input: "texts"})
//	result, err := job.Run(ctx)
//	for e, err := range result.Top(ctx, 20) { … }
//
// Workers are processes of the same program, so its main function begins with wordcount.Main(); with Config.InProcess they
// are goroutines. Without an address the job has a Redis of its own, which is found or fetched, started, and left running.
//
// Run takes the steps of a pipeline, which are methods too: Connect, Load, Seed, Spawn, Checkpoints, Seal. Package targets
// is nothing but these steps as Mage targets.
//
// # The promise
//
// If Run returns a result, it equals a serial count of the input. That holds under any schedule of worker crashes, pauses
// and thefts, of lost and repeated replies, of supervisors that are killed and started again, and of Redis servers that are
// killed and come back from any complete snapshot of the job, or from nothing. A task may run many times; it affects the
// counts once. Otherwise there is an error of one of the classes in names.go, and no result is published.
//
// # From a file to a count
//
//	plan        which files there are, and how they are cut into splits; the job's name
//	input       how a file is opened, and how it is noticed that it is another one now
//	supervisor  puts the tasks into a stream, watches, recovers, takes checkpoints, seals; keeps the worker processes alive
//	worker      takes tasks, counts them into a table, commits; merges the partial counts of a partition
//	count       the kernel: from bytes to words to a table
//	protocol    what is asked of Redis: one method for each function of lua/wordcount.lua; here is why it can hold
//	result      reads the sorted set, and recounts the input for a comparison
//	state       what a working folder keeps
//	retry       what is tried again, and for how long
//
// Imports run downwards only: each of these may import those that the job needs below it, and .golangci.yml holds that.
// FAULTS.md lists each claim beside the test that would fail without it.
//
// # Caveats
//
// The input must not change during the run; size and time of modification are checked. Nobody else may write to the job's
// keys, Redis must evict nothing, and each count must stay below 2^53. Without Redis there is no progress, and what was
// done since the last checkpoint may be done again.
package wordcount
