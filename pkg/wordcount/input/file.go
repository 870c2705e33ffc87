package input

import (
	"fmt"
	"time"
)

// File is one input file as it was when the job was planned.
type File struct {
	Path  string // absolute, or s3://bucket/key; any bytes
	Size  int64  // bytes
	MTime int64  // modification time, nanoseconds since 1970
	Inode uint64 // of a file that may grow: which file it is on its file system; else 0
	ETag  string // of an object in S3: its version; else ""

	// Whole says that the file is not cut at any byte, because its contents are compressed. It is known
	// only of a file that would be cut otherwise. How any file is compressed, its reader finds out.
	Whole bool
}

// MayGrow reports whether the file may grow after the job was planned. It is counted up to its
// planned size.
func (f File) MayGrow() bool { return f.Inode != 0 }

// Compare returns a *ChangedError if the file is not what the manifest says. This is the only place
// that decides that.
//
// A file that may grow may have a larger size and a later time. Three changes of such a file are
// not noticed: it was overwritten and has grown as well; it was emptied and has grown beyond its
// planned size since; it was deleted, and a larger file has its path and its inode now.
func (f File) Compare(now Info) error {
	changed := func(format string, args ...any) *ChangedError {
		return &ChangedError{Path: f.Path, How: fmt.Sprintf(format, args...)}
	}
	grew := now.Size > f.Size && now.Mtime >= f.MTime
	switch {
	case f.ETag != "" && now.ETag != f.ETag:
		return changed("another object took its place: its ETag was %s and is %s", f.ETag, now.ETag)
	case f.ETag != "":
		return nil
	case !now.Regular:
		return changed("it is not a regular file any more")
	case f.MayGrow() && now.Inode != f.Inode:
		return changed("another file took its place")
	case f.MayGrow() && grew:
		return nil
	case grew:
		err := changed("its size was %d bytes and is %d, so it grew", f.Size, now.Size)
		err.Grew = true
		return err
	case now.Size != f.Size:
		return changed("its size was %d bytes and is %d", f.Size, now.Size)
	case now.Mtime != f.MTime:
		return changed("it was modified: its time was %s and is %s", TimeText(f.MTime), TimeText(now.Mtime))
	case now.longer:
		return changed("its size is %d bytes, and yet there are more", f.Size)
	}
	return nil
}

// TimeText is a time of modification for people.
func TimeText(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format("2006-01-02 15:04:05.999999999Z")
}
