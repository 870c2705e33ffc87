// Package s3 reads and writes objects of S3, or of a server that speaks its protocol. It knows nothing
// of word counts.
//
// # Basics
//
//	u, err := s3.Parse("s3://bucket/logs/day.gz")
//	o, err := s3.Stat(ctx, u)                  // an error that wraps fs.ErrNotExist: there is none
//	for o, err := range s3.List(ctx, u) { … }  // whose keys begin with that of u, in pages
//	r := s3.Open(ctx, u, o, off, end)          // reads this version alone
//	n, err := r.ReadAt(p, off)                 // in order, ahead of the caller; wraps ErrChanged
//	err = s3.Upload(ctx, u, func(w io.Writer) error { … })
//
// Where the server is, and who asks, the AWS SDK finds out as it does in every program: the variables
// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE and so on, the files in ~/.aws, the
// roles of containers and hosts. A server that is not Amazon's gets the bucket in the path of an
// address. AWS_MAX_ATTEMPTS says how often a request is tried.
//
// # Caveats
//
// The SDK repeats a request after an answer of 5xx, or none, with growing pauses. A body that breaks or
// stands still in the middle is asked for once more, from the byte that comes next.
//
// Every error is an *fs.PathError whose path is s3://bucket/key. It says what S3 answered: the status
// and the code. It never has credentials, because a message of the server or of the SDK is not a part
// of it.
package s3
