package event

// The events of a journal. Fields are those of Record.
const (
	// The process of a supervisor, or of a host that joins.
	Begin   = "begin"   // it works on the job from now on: Job, PID, Host, Maps, Reducers, Bytes, Files, Workers
	End     = "end"     // it has stopped without a sealed job: Why
	Told    = "told"    // what people were told: Text; a warning has the level WARN
	Sealed  = "sealed"  // the result is published: Words, Distinct, Redone
	Outputs = "outputs" // which commits of map tasks the job has when it is sealed: Names

	// What the supervisor sees.
	Phase      = "phase"      // the job has another phase: Phase
	Sample     = "sample"     // how far the job is: Bytes, Mapped, Reduced, Memory
	Checkpoint = "checkpoint" // taken: N, Took
	Restart    = "restart"    // Redis has another life: Life, Lost
	Rollback   = "rollback"   // Redis has lost tasks, and nobody saw it start: Lost
	Wiped      = "wiped"      // the job was deleted, to be counted anew: Why
	Heard      = "heard"      // the events before it are a batch of a host that has joined: From, N

	// The life of a worker process, by who started it.
	Start = "start" // Worker, PID, Slot
	Death = "death" // it ended, and nobody had asked it to: Worker, PID, Slot, Why
	Leave = "leave" // it ended in good order, as it says, or the process that started it: Worker, PID, Slot

	// What a worker does: Worker, and Stream and Tasks in most.
	Attempt = "attempt" // it begins to do the tasks; How
	Steal   = "steal"   // it has taken the tasks of a worker that was silent, or is gone
	Send    = "send"    // it asks Redis to commit map tasks: Output, Bytes, Words
	Commit  = "commit"  // the answer: Output of map tasks; Settled and Open, if it was refused
	Failed  = "failed"  // an attempt met an error: Why
	Buried  = "buried"  // the tasks are given up: Why
	Revoke  = "revoke"  // a map output is lost, and its tasks run again: Output, Why
	Back    = "back"    // it has given back what it holds, because maps must be done first
)

// How a worker came by a task of an attempt.
const (
	Fresh  = "fresh"  // it was delivered to this worker
	Stolen = "stolen" // from a worker that was silent, or is gone
	Backup = "backup" // of a worker that is slow, and may still commit it
)
