// Package result reads what a job has counted.
//
// # Basics
//
// A [Result] is the sealed result of a job. It lies in Redis, in a sorted set, or in result files that
// Redis names. It is read under the fence with which it was published:
//
//	r := result.Result{Redis: rdb, Job: job, Fence: sealed.Fence}
//	for e, err := range r.Entries(ctx) { … }  // by descending count
//	err := result.Export(w, r.Entries(ctx), result.TSV)
//
// [Result.Compare] compares it with a recount of the input, in both directions. Together they are the
// proof that a result is exact.
//
// [Unsealed] reads what a job has counted so far.
//
// # Caveats
//
// A result can go while it is read: it expires, the job is cleaned, the server or the disk loses it. Then
// the iteration ends with protocol.ErrNoResult, so look at the error of each step.
//
// What [Unsealed] returns is no result: map outputs that can't be read are left out of it.
package result
