// Package bench measures the whole job against other ways to count the same words, and shows how its cost grows.
//
//	b := bench.Bench{Bytes: 4 << 30, Words: 1_000_000}
//	report := bench.NewReport(b)
//	report.Pairs, err = b.Pairs(ctx)
//	report.Print(os.Stdout)
//
// Pairs is the comparison, Goals what safety may cost, and Sweeps the growth by workers, files, words and bytes, with a
// picture of each. Target is all three as a target of Mage.
//
// # Who is compared
//
// The whole job is the target run of a compiled magefile, with a server of its own, up before, that somebody else's
// REDIS_URL doesn't replace. The clock starts with the process and ends with it. So planning, seeding, starting the
// workers, map, reduce, the sorted set and the last checkpoint are in the time; finding and starting Redis, and reading
// the result out again, aren't. Its words are on disk when the clock stops, in the server's dump.
//
// The kernel alone is the same counting in one process with nothing around it. What the job takes beyond that is the
// price of being right whatever dies. Then there is what the standard library suggests, and what a shell does. All of
// these are processes of their own too, in the language's default of a thread for each processor, and leave a file of
// counts, in whatever order. More are given by a command line:
//
//	mage bench -against='mawk: mawk -f count.awk {dir}/* >{out} ;; theirs: ./theirs {dir} {out}'
//
// # How to read the figures
//
// They are of one machine, and of the minutes in which they were taken. Compare ratios, and only within one report.
//
// The contenders take turns, A B C A B C, so that a slow minute hits all of them. One round goes before and counts for
// nothing: it warms the page cache, which then holds the whole corpus if the memory does. Reading from a disk is not
// measured. Of the others the median is shown, and the fastest and slowest beside it: where those are far apart, so is the
// truth, and a ratio that is smaller than this distance says nothing. The report has every round. It also has the load
// of the machine in the minute before; unless that is near 0, measure again.
//
// TO OURS is a contender's time in ours: 0.5 is twice as fast as the job, 50 fifty times slower. A contender that was given
// a part of the corpus is compared by the byte.
//
// CPU seconds are of all processes of a contender, a job's Redis included. MB are 10^6 bytes, as everywhere where speed
// is spoken of; memory is in MiB. That of a job is the sum of its supervisor, its workers, and what Redis had allocated,
// each at its own highest moment, so that the sum may never have been there at one time; what processes share counts in
// each. Of others it is the largest process. Only Linux tells it for each process.
//
// Every contender's counts are compared with the job's, in the first round word by word. Most programs know the white
// space of ASCII only, and a generated text has a little of the other. They are compared with a recount that splits as
// they do, and the table says so. Wrong counts are an error, and no figure.
//
// A contender that takes more than a minute is measured once. Sorting a large corpus takes much more than that, so the
// shell gets as many of its files as fit in a minute; its ratio is then by the byte, which flatters it, for sorting costs
// more for a byte the more there are.
//
// The goal about checkpoints means something only if the job lasts for several of them, the one about kills likewise:
// both tables say how many there were. A scale below 1 makes everything smaller and quicker, and these two meaningless.
//
// # On disk
//
// Corpora stay in .wordcount/bench/corpora for the next time: half a GiB for Pairs, 20 GiB for Goals and Sweeps at full
// scale. They can be deleted at any time. Everything else is deleted at the end.
package bench
