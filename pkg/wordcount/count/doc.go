// Package count is the counting kernel: it cuts bytes into words and counts them in tables. It knows
// nothing of Redis, of jobs, or of files beyond [io.ReaderAt], and starts no goroutines.
//
// # Words
//
// A word is a maximal run of bytes that aren't white space. White space is that of
// [unicode.IsSpace] over UTF-8. Bytes are kept as they are, valid UTF-8 or not, so [bytes.Fields] is
// the oracle for any bytes.
//
// A [Table] counts the words that start in a byte range of a file, with [Table.Split]. The splits
// of any partition of a file add up to the words of the whole. Tables travel as blobs, one for each
// partition of the words: [Table.Pack] writes them, an [Unpacker] reads them step by step, so that
// they needn't fit into memory, and [Table.MergeStep] adds each step to another table.
//
// # How a split is counted
//
// Counting words takes few instructions and many cache misses. So the work is arranged to wait as
// little as possible, and never for one word alone. Everything passes through in groups of up to
// 4 KiB that stay in the first cache:
//
//	read    256 KiB at a time, into a buffer that stays in the second cache
//	space   a bit for each byte: is it white space? (space.go)
//	cut     from the bits, the positions where words start and end (cut.go)
//	hash    a batch of 128 words, while their lines of the table are fetched
//	tally   one more for each of them, when its line is near (batch.go)
//
// The table's lines are cache lines of three words of up to 15 bytes, held in place, with their
// counts (short.go). Nearly every word of a text is found with one access to memory, and no pointer
// is followed. The few longer words have a table of their own (long.go). Large tables ask for huge
// pages, because with one random access for each word, address translation costs as much as the
// memory does (huge_linux.go).
//
// On amd64 the four steps from space to tally have an AVX2 version in kernel_amd64.s, which is
// chosen at run time. The portable version is the specification: fuzzing compares the two, result
// by result. Only their hashes differ, and that of the assembly is compared with FIPS 197.
//
// # Sources
//
// Finding tokens with bit masks is from Langdale and Lemire, "Parsing gigabytes of JSON per second"
// (VLDB Journal, 2019). Taking the positions in a mask from a table is from Lemire and others,
// "Roaring bitmaps: implementation of an optimized software library" (2018). Hashing a batch before
// probing is the group prefetching of Chen, Ailamaki, Gibbons and Mowry, "Improving hash join
// performance through prefetching" (ICDE 2004). Partitions use XXH64, by Yann Collet.
//
// The portable hash of short words is the last step of Wang Yi's wyhash, final version 4. In
// assembly it is three rounds of AES. Go's maps hash with either, for the same reasons
// (runtime/asm_amd64.s, runtime/hash64.go). Long words have the hash of hash/maphash. Pătraşcu and
// Thorup show why evenly spread steps are not enough: "On the k-independence required by linear
// probing and minwise independence" (ICALP 2010).
//
// # Caveats
//
// Each table has a seed, so that no text can slow down the counting by words that collide. So the
// order of a table's words, and the bytes of its blobs, differ from table to table. A [Partitioner]
// has one seed for all workers of a run, because they must agree on the partitions.
//
// An [Unpacker] gives words out before it knows that the rest of their blob is sound.
package count
