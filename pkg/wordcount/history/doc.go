// Package history records the calls that processes make to a job's Redis, with their answers.
// Package check tells whether the protocol allows what was recorded.
//
// # Basics
//
// With WORDCOUNT_HISTORY=DIR in its environment, each process that works on a job writes a file in
// that folder:
//
//	recorder, err := history.FromEnvironment() // nil without the variable
//	recorder.Attach(rdb)                       // a nil recorder attaches nothing, and costs nothing
//	calls, err := history.Load(dir)            // of all processes
//
// A call is two lines of JSON. The first one is written before the call is sent, the second one
// when the answer has come:
//
//	{"n":7,"call":"commit","job":"9f…","args":["R","2","1","2","40","210","NAME","host","-"],"start":12}
//	{"n":7,"end":15,"answer":["committed"]}
//
// Each line is one write to a file that is open for appending. A process that is killed loses none,
// and leaves a call without an answer: nobody knows whether it took effect. The second line may say
// "refused" instead (the server did nothing) or "lost" (the client gave up, and the call may have
// taken effect).
//
// A server that goes back to a checkpoint may lose anything. Who starts a server again records that
// as a call, too: see Recorder.Restart.
//
// # In short
//
// Of words there is only their number, and of what a worker says of itself there is nothing.
// Passwords are in no call that is recorded: authentication is not. The files are for their owner
// alone, nevertheless.
//
// # Caveats
//
// Times are nanoseconds of CLOCK_MONOTONIC. All processes of one host have the same, until the
// host starts again; those of two hosts can't be compared. A call begins before it is sent and
// ends after its answer was read. Clients that repeat a call by themselves record it once. Those
// of package redisd never do so.
//
// A process that can't write its history makes no calls: they fail with the error.
package history
