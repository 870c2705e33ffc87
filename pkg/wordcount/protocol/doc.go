// Package protocol is the exactly-once protocol between a job's workers, its supervisor and Redis.
// Library is its code, a Redis Function library. [Client] has one method for each function.
//
// # Basics
//
// One idea carries the protocol: the acknowledgement of a task and its effect on the counts are one
// call. A server that comes back from a snapshot, or a replica that lags, shows an earlier moment
// of the same history, and at every moment a task is either acknowledged and counted, or neither.
// So a task may run many times, anywhere. The first commit wins, and later ones are told so.
//
//	          read                Commit, Store
//	waiting ───────► pending ─────────────────────► acknowledged
//	                  │   ▲ │
//	 the lease ends,  │   │ └── Fail, at the limit ──► buried
//	 or Release       ▼   │ stolen                       │
//	                 released ◄───────── Requeue ────────┘
//
// A rollback takes a task back to any earlier state: the supervisor seeds it again, a worker reads
// it again, or another commit counts it. A released task is still pending for Redis; it is there
// for any worker to take. A job has phases, and each arrow names what ends one:
//
//	     last Commit       last Store        Fence          Seal            Dismiss
//	map ─────────────► reduce ─────────► done ─────► fenced ─────► sealed ─────────► dismissed
//
// Without reducers, done follows map. Until a job is sealed, a rollback may take it back to any
// earlier phase, or to nothing at all. Sealing waits for a checkpoint that has everything.
//
// # Who may believe what
//
// A worker believes only the answer to its own commit. It sends its run with every write, and ends
// when the job belongs to another run.
//
// A thief believes the server's clock, and its own where that stands still. It may be wrong: a
// theft from a living worker costs work, and never correctness.
//
// A supervisor believes neither counters nor a phase that it has just seen. It fences the result,
// and then waits for a checkpoint that began after the fence, checks that the commits cover every
// task once, adds up all counts, looks at the input again, and makes sure that the fence still
// stands. Only what passes is sealed. A fence that stands is adopted and never replaced.
//
// # Caveats
//
// A torn append-only file is no snapshot: Redis may run half of a call, and later the whole of it.
// So counters are written as absolute values, and [Covered] and Sum compare them. Such a job ends
// with [ErrState], if it is not exact.
//
// Nobody checks who writes to the keys. Two counts that somebody swaps pass every check here; only
// a recount of the input finds them.
package protocol
