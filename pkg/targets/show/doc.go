// Package show is what the targets show to people, and the status as programs read it.
//
//	p := show.NewProgress(os.Stderr)
//	p.Say("workers:spawn", "%d workers", n)
//	p.Total = bytes
//	p.Update(status) // for each status; draws the bar
//	p.Finish()
//	p.Report(ctx, job, result)
//
// Words prints words with their counts, StatusOf reads a status, and WatchStatus shows it again and
// again.
//
// Results go to standard output by Out, everything else to standard error. All lines go through one
// Progress, so that no line is drawn into its bar.
//
// # Caveats
//
// Text from files, from Redis and from workers may hold any bytes, and a terminal acts upon some of
// them. So every line is escaped before it is printed: a line stays one line, and shows what is in
// it. A function that prints a word or an error itself must use Printable or PlainError. Only the
// status in JSON and an exported result have the bytes as they are.
//
// The lines on standard output are API, and so are the names in the JSON of Status.
package show
