// Package wordcount counts the words of many files exactly once, although its workers and its Redis
// may die at any moment.
//
// # Basics
//
// A program says what to count, and reads the result:
//
//	job, err := wordcount.Open(ctx, wordcount.Config{Inputs: []string{"texts"}})
//	result, err := job.Run(ctx)
//	for e, err := range result.Top(ctx, 20) { … }
//
// Workers are processes of the same program, so its main function begins with [Main]. If
// Config.InProcess is set, they are goroutines. If Config.Redis is empty, the job has a Redis of
// its own. The job finds it or downloads it, starts it, and leaves it running.
//
// Run does the steps of a pipeline. Each step is also a method: Connect, Load, Seed, Spawn,
// Checkpoints, Seal. Package targets makes these steps Mage targets, and does nothing else.
//
// # The promise
//
// A result that Run returns equals a serial count of the input. This is true for every schedule
// of these events: a worker crashes or pauses, a task is stolen, a reply is lost or repeated, a
// supervisor is killed and started again, a Redis server is killed and comes back from any complete
// snapshot of the job or from nothing, a file with partial counts is lost or damaged. A task may run
// many times, but it affects the counts once. If Run returns no result, it returns an error of one of
// the classes in names.go, and publishes nothing.
//
// # From a file to a count
//
//	plan        which files there are, how they are cut into splits, and the job's name
//	input       how a file is opened and unpacked, and how a change of it is noticed
//	supervisor  seeds the tasks, watches, recovers, seals
//	checkpoint  makes what is in Redis outlive its server
//	place       the folders of a job's runs, where the map outputs are
//	pool        keeps the worker processes alive
//	worker      opens splits, whose words combine counts; commits, stores totals
//	merge       makes the totals of a partition from all map outputs; memory bounds both
//	shuffle     the files with partial counts, which workers share: map outputs
//	claim       which task a worker does next, and the lease on it
//	event       what a running job tells people; relay brings that from hosts that join
//	metrics     what it tells Prometheus
//	history     what each process asked Redis, and what it was told, if somebody wants a record
//	record      the records of a text, and one field of each
//	words       what the words of a field are
//	count       the kernel: from plain text to words to a table
//	protocol    one method for each function of lua/wordcount.lua; why the promise can hold
//	result      reads the result, from the sorted set or from files, and compares it with a recount
//	recount     counts the input once more, by code of its own
//	state       what a working folder keeps
//	retry       what is tried again, and for how long
//
// .golangci.yml lists which packages each package may import, and the linters check that. FAULTS.md
// lists each claim with the test that would fail without it, and the mistakes that were found so far.
//
// # Caveats
//
// The input must not change during the run. The job checks the size and the time of modification of
// each file. No other program may write to the job's keys, Redis must not evict keys, and each
// count must stay below 2^53. Without Redis there is no progress, and work since the last
// checkpoint may have to be done again.
package wordcount
