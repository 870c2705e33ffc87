// Package report draws the picture of a run: one HTML file that needs nothing else.
//
// # Basics
//
// Package timeline reads what happened in a run. Write draws it:
//
//	run, err := timeline.Read(folder, job)
//	err = report.Write(w, run, words)
//
// [Live] serves the same page on the loopback while a job runs, and sends it anew when something has
// happened:
//
//	live, err := report.Listen(func() (timeline.Run, []report.Word, error) { … })
//	fmt.Println(live.URL())
//	err = live.Serve(ctx)
//
//	draw.go     positions in the picture
//	figures.go  the numbers of the job, what was redone, and where the time went
//	page.go     what a page shows; page.css and page.js are in it
//	document.go the page as HTML, and html.go what makes all texts in it harmless
//	live.go     the page while the job runs
//
// # Caveats
//
// Journals, names of files and words are hostile input. Everything that is shown passes through
// html.go, and the page forbids each script but its own. A page of a very long run shows short
// attempts of one kind together, and a bounded number of lanes and rows. What it leaves out, it says.
package report
