// Package s3 reads and writes objects of S3, or of a server that speaks its protocol. It knows nothing
// of word counts.
//
// # Basics
//
//	u, err := s3.Parse("s3://bucket/logs/day.gz")
//	o, err := s3.Stat(ctx, u)                  // an error that wraps fs.ErrNotExist: there is none
//	for o, err := range s3.List(ctx, u) { … }  // whose keys begin with that of u, in pages
//	r := s3.Open(ctx, u, o, end)               // reads this version alone, and ahead up to end
//	n, err := r.ReadAt(p, off)                 // fast in order; wraps ErrChanged
//	err = s3.Upload(ctx, u, func(w io.Writer) error { … })  // several parts at once
//	w := s3.Create(ctx, u)                     // one part in memory; ends with Finish or Abort
//	n, err := s3.ReadAt(ctx, u, p, off)        // whichever version is there
//	err = s3.DeleteAll(ctx, u)                 // whose keys begin with that of u, unfinished uploads too
//
// Where the server is, and who asks, the AWS SDK finds out as it does in every program: the variables
// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE and so on, the files in ~/.aws, the
// roles of containers and hosts. A server that is not Amazon's gets the bucket in the path of an
// address. AWS_MAX_ATTEMPTS says how often a request is tried.
//
// # Caveats
//
// The SDK repeats a request after an answer of 5xx, or none for 30 s, with growing pauses. An object
// whose body breaks, or stands still for 30 s, is asked for again from the byte that comes next. So is a
// listing, a page at a time. A request that can't be sent within five minutes counts as one without an
// answer.
//
// The length and the range of each answer are compared with what was asked for, because not every server
// heeds Range, and a Reader compares the ETag, too.
//
// The error of a request is an *fs.PathError whose path is s3://bucket/key. It says what S3 answered: the
// status and the code. It never has credentials, because a message of the server or of the SDK is not a
// part of it.
package s3
