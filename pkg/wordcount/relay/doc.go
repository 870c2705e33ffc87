// Package relay brings the events of workers that join from another folder or host to the journal of
// the supervisor, by a stream in Redis.
//
// # Basics
//
// Each process of a host that joins sends what it writes to its own journal, once a second, and at
// once when it has nothing else to do:
//
//	s := relay.NewSender(client, name, journal) // nil without a journal, and then does nothing
//	go s.Run(ctx)
//	s.Hurry()
//
// The supervisor appends that to its own journal, if it wants it:
//
//	l := relay.NewListener(client, journal)
//	l.Hear(ctx, life) // after each look at the job
//	l.End(ctx)        // when the job is sealed
//
//	stream.go  the stream, and how large it may become
//	sender.go  from a journal to the stream
//	listen.go  from the stream to another journal
//	trust.go   what is taken from an entry
//
// The listener makes the stream, and a sender only adds to one that is there. So a server on which
// no supervisor asks for events has none, and a job that was deleted stays so.
//
// # Caveats
//
// Events decide nothing, so nothing here returns an error, and what fails is tried again or left. Each
// event arrives at most once in a journal: batches are numbered by their senders, and the journal has
// the numbers that it got. Some don't arrive. A rollback of Redis takes those that the listener has not
// heard, a sender that is killed takes those of its last second, and the stream drops its oldest
// entries when it is full. The journal of each host has its own events nevertheless.
//
// Anybody who may write to Redis may write to the stream. What comes out of it is bounded, can only be
// an event of a worker, and is written down anew.
package relay
