// Package report draws the picture of a run: one HTML file that needs nothing else.
//
// # Basics
//
// A [Run] is what the journal of a job says, made into lanes of attempts, marks and figures:
//
//	run, err := report.Read(folder, job)
//	err = report.Write(w, run, words)
//
// [Live] serves the same page on the loopback while a job runs, and sends it anew when something has
// happened:
//
//	live, err := report.Listen(func() (report.Run, []report.Word, error) { … })
//	fmt.Println(live.URL())
//	err = live.Serve(ctx)
//
//	run.go      what the events of a journal come to: lanes, attempts, marks
//	outcome.go  what became of each attempt
//	lane.go     which worker is in which lane
//	figures.go  rates, memory, what was redone, and where the time went
//	draw.go     positions in the picture
//	page.go     what a page shows; page.css and page.js are in it
//	document.go the page as HTML, and html.go what makes all texts in it harmless
//	live.go     the page while the job runs
//
// # Caveats
//
// Journals, names of files and words are hostile input. Everything that is shown passes through
// html.go, and the page forbids each script but its own. A page of a very long run shows short
// attempts of one kind together, and a bounded number of lanes and rows. What it leaves out, it says.
//
// The picture is drawn of what was written down. A worker that was killed may have lost the last
// milliseconds of that, and what a stopped worker does nobody sees.
package report
