// Package failure is how a target fails: its exit status, and what a person can do about it.
//
//	return failure.Explain(ctx, err)
//
// Explain finds the class of an error by its sentinel. The class gives the exit status. Some
// errors get advice: a target to run, or a variable to set. Libraries don't give such advice,
// because they know neither targets nor variables.
//
// # Exit statuses
//
//	0    the counts are exact
//	1    unexpected, or Ctrl-C twice
//	2    wrong usage or input
//	3    Redis is unreachable or refuses, the job exceeds its memory budget there, or the result is gone
//	4    the state of the job is invalid
//	5    incomplete: the job isn't sealed or is in use, tasks were given up, the input changed, no
//	     worker can go on, or the state can't be written
//	6    verify found a difference
//	130  interrupted: run resumes
//	141  the reader of standard output has left
//
// # Caveats
//
// A step and its target both explain one error, so Explain adds advice only once. errors.Is and
// errors.As find what they find without it, unless the error is that ctx was cancelled: then it says
// only that the target was interrupted.
package failure
