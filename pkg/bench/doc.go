// Package bench measures the whole job against other ways to count the same words, and shows how
// its cost grows. All of it is test code. `mage bench` runs it; so does go test:
//
//	go tool mage bench -what=pairs -bytes=64MiB
//	go test -run='^$' -bench=Pairs -benchtime=1x -timeout=0 ./pkg/bench -args -bytes=64MiB
//
// Pairs is the comparison. Goals compares with C, with a bare ZADD, and with the same job without what
// safety and awkward inputs cost. For gzip, S3 and Unicode's words it compares with a part of that work
// alone, which counts nothing, and for records and expressions with DuckDB and grep. Sweeps is the growth
// by workers, files, words and bytes, with a picture of each.
//
// # Contenders
//
// The whole job is the target run of a magefile. It has its own server, which is up before the
// clock starts. The clock starts and ends with the process: it includes planning, seeding, workers,
// map, reduce, the sorted set and the last checkpoint. It excludes starting Redis and exporting the
// result.
//
// The kernel is the same counting in one process, with nothing around it. What the job takes beyond
// that is the price of being right whatever dies. The others are what the standard library
// suggests, what a shell does, and the programs in testdata/peers. Each is a process of its own and
// writes a file of counts. More are added with -against='NAME: COMMAND {dir} {out} ;; …'.
//
// # Reading the figures
//
// Figures are of one machine, at one time. Compare ratios, within one report, and measure again if
// the load before was not near 0.
//
// Contenders take turns, A B C A B C, so that a slow minute slows all of them. The first round does
// not count: it warms the page cache. Reading from a disk is not measured, nor is waiting for what
// another contender has left to be written. SECONDS is the median.
// If MIN and MAX are far apart, a ratio that is smaller than their distance says nothing.
//
// TO OURS is the time of a contender divided by that of the job: 50 is fifty times slower. A
// contender that takes more than a minute is measured once.
//
// CPU S is of all processes, Redis included. MB are 10^6 bytes; MEMORY is in MiB. That of a job is
// the sum of its supervisor, its workers and Redis, each at its own highest moment (on Linux;
// elsewhere the largest process and Redis). That of the others is the largest process; none is
// seen smaller than the process that measures, some 20 MB.
//
// The counts of every round are compared, word by word, with those of the job. Most programs know
// the white space of ASCII only; they are compared with a recount that splits as they do, and the
// table says so. Wrong counts are an error, and no figure.
//
// With -out=FILE every round is appended to a file that benchstat reads. To compare two versions,
// write two files in turn, then: benchstat before.txt after.txt.
//
// # Caveats
//
// Checkpoints and kills mean something only in a job that lasts for several of them: Goals prints
// how many there were. A -scale below 1 makes Goals and Sweeps quick, and those two meaningless.
//
// Corpora stay in .wordcount/bench/corpora: half a GiB for Pairs, 20 GiB for Goals and Sweeps at
// full scale. The programs stay in .wordcount/bench/peers. Delete both at any time.
package bench
