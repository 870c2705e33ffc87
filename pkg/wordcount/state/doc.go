// Package state keeps what a working folder knows of its jobs.
//
// # Basics
//
// A [Folder] is .wordcount in a working folder. It remembers the plans of the jobs that were run
// there, which one was run last, and the results that were published:
//
//	folder := state.Folder{Dir: ".wordcount"}
//	err := folder.Save(plan)              // before a run
//	release, ok, err := folder.Use(job)   // for each process that works on the job
//	unlock, ok, err := folder.Lock(job)   // for the supervisor
//	err = folder.Publish(job, sealed)     // at the end
//	sealed, ok, err := folder.Sealed(job) // whenever somebody asks
//
// The folder also knows which process is a job's supervisor, and which are its workers, for callers
// that send signals: see [Folder.Supervisor] and [Folder.Worker].
//
// # Caveats
//
// One file matters for correctness: run. It says which run of a job this folder works on. A run
// that the folder doesn't know, from an old dump of the server perhaps, is wiped and counted again,
// because its files may have had other contents behind equal sizes and times. Every other file
// saves work.
//
// Nothing is trusted because it is in the folder: it may have come out of an archive. IDs of jobs
// are checked before they become paths, and a process is believed only if the system confirms it.
package state
