// Package check tells whether the protocol allows a recorded history: whether some order of the
// calls, in which each one happens between its beginning and its end, gives each the answer that
// it got.
//
// # Basics
//
//	verdict, err := check.Folder(dir, time.Minute) // err wraps ErrForbidden: here is what contradicts what
//	fmt.Println(verdict)                           // 1,234 calls are allowed
//
// A history is linearizable if it is so for each object alone (Herlihy and Wing, "Linearizability:
// A correctness condition for concurrent objects", 1990, section 3.1). So it is split into
// objects, and each is searched by porcupine, after Wing and Gong and Lowe:
//
//	task.go     each map task and each reduce task: who has it, which output has it
//	job.go      the job itself: run, fence, dismissed, what is filled in
//	attempt.go  each attempt to store totals: how far it has come
//
// What relates several objects, or two parts of one answer, is compared without a search: plain.go.
//
// # What is not known
//
// A model's state is a set: everything that an object may be in (world.go). A call whose answer is
// lost, or whose process was killed, may take effect at any time after its beginning, or never. So
// it is no part of the search. It is a rule from then on, which may run before each later call.
// This allows it to run more than once, as a call does that somebody repeats.
//
// A server that is started again may go back to everything that an object may have been in before,
// or to nothing. It ends the calls that clients had given up by then, because a server that is dead
// runs none.
//
// # Caveats
//
// The history must begin before its job does, and all who call must record it, but for readers. The
// same goes for all who start the server. A replica that takes over, a torn log and a test that
// writes to the job's keys by itself are seen as contradictions.
//
// Nothing is said of words and counts: only a recount of the input is a proof of those. Of time
// nothing is said, either, so any lease may be stolen at any time.
package check
