// Package event is what a running job tells people, and what it writes down for them.
//
// # Basics
//
// The rooms that do something worth telling have a [Receiver], which the front door gives them:
//
//	var events event.Receiver = func(e event.Event) { fmt.Println(e) }
//	events.Info("checkpoint %d", n)
//	events.Warn("redis answers again")
//
// They also have a [Journal], a file of the state folder to which all processes of a job append.
// So what a rollback of Redis forgets is still known:
//
//	journal := event.Open(path, event.WorkerMost)
//	defer journal.Close()
//	journal.Write(event.Phase, slog.String("phase", "reduce"))
//	records, left, err := event.Load(path) // of all processes, in the order of their times
//
// An event of the journal is a line of JSON with its time, its name in "msg", and what [Record] has
// fields for. A line is part of one write to a file that is open for appending, so lines of several
// processes never mix.
//
//	event.go    what people are told
//	names.go    which events the journal has, and what each says
//	journal.go  how they are written
//	record.go   how they are read; tail.go does so while others write
//	outbox.go   what a process writes, for the journal of another folder; copied.go is the other end
//
// # Caveats
//
// Events are for people. No code acts on one, and the text of one may change. What can't be
// written to a journal is lost, and ends nothing. But a process waits while its disk takes a line.
//
// A worker collects its attempts for some milliseconds, or until it commits. If it is killed, the
// attempts of that time are lost. What a worker asks Redis for is written down before it asks, so a
// commit is known even if the worker dies before the answer. Which commits count is what the event
// [Outputs] says.
//
// Nothing is synced to the disk: a crash of the machine may lose events.
package event
