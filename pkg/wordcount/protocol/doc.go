// Package protocol is the exactly-once protocol between a job's workers, its supervisor and Redis.
// Library is its code, a Redis Function library. [Client] has one method for each function.
//
// # Basics
//
// Files have the counts of the map tasks: the map outputs, which never change. Redis has the names
// of those that count, and the totals. One idea carries the protocol: a task is acknowledged and
// its counts count in one call. A server that comes back from a snapshot, or a replica that lags,
// shows an earlier moment of the same history, and at every moment each committed task is in
// exactly one output. So a task may run many times, anywhere. The first commit wins, and later ones
// are told so. A file that is lost costs work, and never a count.
//
//	          read                Commit, Store, StoreFiles
//	waiting ───────► pending ──────────────────────────► done
//	                  │   ▲ │                             │
//	 the lease ends,  │   │ └─ Fail, at the limit ─┐      │ Revoke: its output is lost
//	 or Release       ▼   │ stolen                 ▼      │
//	                 released ◄──── Requeue ──── buried   │
//	                    ▲                          ▲      │
//	                    └──────────────────────────┴──────┘
//	                                        at the limit
//
// A rollback takes a task back to any earlier state: the supervisor seeds it again, a worker reads
// it again, or another commit counts it. A released task is still pending for Redis; it is there
// for any worker to take. A job has phases, and each arrow names what ends one:
//
//	      last Commit        last Store        Fence          Seal            Dismiss
//	map ◄─────────────► reduce ─────────► done ─────► fenced ─────► sealed ─────────► dismissed
//	        Revoke
//
// The phase follows two counters: how many maps are committed, and how many partitions are stored.
// Without reducers, done follows map. It also does so if the last partitions are stored while maps
// run again because an output was lost. Until a job is sealed, a rollback may take it back to any
// earlier phase, or to nothing at all. Sealing waits for a checkpoint that has everything. Between
// done and fenced, a job that keeps N words is filled: see results.go.
//
// # Who may believe what
//
// A worker believes only the answer to its own commit. It sends its run with every write, and ends
// when the job belongs to another run. A complete list of outputs stays right for ever, so what is
// merged of it may be stored later, whatever the job has lost since. A file is believed only as far
// as its checksums, its header and its number of words go.
//
// A thief believes the server's clock, and its own where that stands still. It may be wrong: a
// theft from a living worker costs work, and never correctness.
//
// A supervisor believes neither counters nor a phase that it has just seen. It fences the result,
// and then waits for a checkpoint that began after the fence, adds up all counts, looks at the
// input again, and makes sure that the fence still stands. Only what passes is sealed. A fence that
// stands is adopted and never replaced.
//
// # Caveats
//
// A torn append-only file is no snapshot: Redis may run half of a call, and later the whole of it.
// So counters are written as absolute values, and [Covered] and Sum check what they say. A job that
// is not exact ends with [ErrState].
//
// Nobody checks who writes to the keys. Two counts that somebody swaps pass every check here; only
// a recount of the input finds them.
package protocol
