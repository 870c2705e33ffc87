// Package result reads what a job has counted.
//
// # Basics
//
// A [Result] is the sealed result of a job. It lies in Redis, in a sorted set, or in result files that
// Redis names. It is read under the fence with which it was published:
//
//	r := result.Result{Redis: rdb, Job: job, Fence: sealed.Fence}
//	for e, err := range r.Entries(ctx) { … }  // by descending count
//	err := result.Export(w, r.Entries(ctx))   // as lines
//
// [Recount] counts the input once more, without the kernel, the workers, their decoders and Redis.
// [Counts.Compare] compares the two, in both directions. Together they are the proof that a result is
// exact.
//
// [Unsealed] reads what a job has counted so far.
//
// # Caveats
//
// A result can go while it is read: it expires, the job is cleaned, the server or the disk loses it. Then
// the iteration ends with protocol.ErrNoResult, so look at the error of each step.
//
// A recount keeps all words in memory. A [Share] of them takes less. It can't unpack zstd files that
// need a window of more than 8 MiB. bzip2 files it unpacks with the decoder that workers use.
//
// The words of a recount are cut by other code than those of package words (tokens.go). Two things exist
// only once: a function registered for func:NAME, and NFC.
//
// What [Unsealed] returns is no result: map outputs that can't be read are left out of it.
package result
