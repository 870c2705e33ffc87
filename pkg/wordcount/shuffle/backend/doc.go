// Package backend is where the files of a shuffle store lie: in a folder that hosts share, or in a bucket
// of S3. It knows nothing of what is in them.
//
// # Basics
//
//	where, err := backend.Where(text) // an absolute path, or s3://bucket/prefix
//	b, err := backend.Open(ctx, where)
//	file, err := b.Create("job/run/map/name", false)
//	_, err = file.Write(content)
//	err = file.Finish() // from now on others can see it
//	object, err := b.Open("job/run/map/name")
//
// A file is there as a whole or not at all, and never changes. Both kinds of [Backend] promise that: a
// folder renames a file when it is finished, and S3 has no half objects.
//
// # Caveats
//
// [Lost] is the only error that says something about a file. Every other error is the host's, and says
// nothing about whether the file is there.
//
// A Backend checks no name. Its caller does that, before names become paths. In a folder, no path leads
// out of it, whatever the names are.
package backend
