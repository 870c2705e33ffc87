// Package export writes a result to the file that a person names.
//
//	err := export.Write(ctx, path, func(w io.Writer) error { … })
//
// A path s3://bucket/key is an object in S3, which is there with its last byte or stays as it was.
//
// A reader of the file sees either the old content or all of the new content, because a new file
// replaces the old one. The new file has the mode of the old one, and links to the file stay.
//
// # Caveats
//
// A device and a FIFO are never replaced. They are written through, and so is a path like
// /dev/stdout. So their readers may see the beginning of a result whose end never comes.
package export
