// Package recount counts the input of a job once more, to check what the job has counted.
//
// # Basics
//
//	want, tally, err := recount.Files(ctx, manifest, counting, recount.Share{}, progress)
//
// It shares next to no code with what it checks: not the kernel, the workers, their decoders, their
// readers of records, nor Redis. It uses the standard library wherever that has what is needed.
//
//	recount.go    from the files of a manifest to counts
//	get.go        reads an object in S3
//	unpack.go     unpacks compressed files
//	records.go    finds the field of each record
//	tokens.go     cuts values into words, with wordbreak.go and casefold.go
//	share.go      a share of the words, where not all fit into memory
//
// # Caveats
//
// A recount keeps all words in memory. A [Share] of them takes less. It can't unpack zstd files that
// need a window of more than 8 MiB.
//
// Three things exist only once in Go, so that workers use them, too: the decoder of bzip2, a function
// registered for func:NAME, and NFC. Package input reads local files for both, and finds out for both
// whether a file has changed.
package recount
