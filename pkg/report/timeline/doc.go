// Package timeline says what the events of a run come to: who did what and when, and what became of it.
//
// # Basics
//
// A [Run] is what the journal of a job says, made into lanes of attempts, marks and figures:
//
//	run, err := timeline.Read(folder, job)
//	for _, lane := range run.Lanes {
//		for _, attempt := range lane.Attempts {
//			fmt.Println(lane.Number, run.TasksOf(attempt), attempt.Outcome)
//		}
//	}
//
//	run.go      what the events of a journal come to: lanes, attempts, marks
//	outcome.go  what became of each attempt
//	lane.go     which worker is in which lane
//	figures.go  rates, what was redone, and what the workers did with their time
//
// # Caveats
//
// Journals are hostile input. A run holds texts of them, some of any length. Code that shows such a text
// must cut it and make it harmless.
//
// A run is made of what was written down. A worker that was killed may have lost the last
// milliseconds of that, and what a stopped worker does nobody sees.
package timeline
