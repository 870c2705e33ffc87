// Package input reads the files that a job counts, and notices when one of them has changed.
//
// # Basics
//
// A [Source] is where files are: [Local], the file system, or [S3]. It lists what is in a folder, says
// what a path leads to, and opens a range of a file.
//
// A [File] is a file as it was when the job was planned: its path, its size and its time of
// modification, and of an object in S3 the ETag of its version. A [Reader] opens it for a range, reads
// it, and is asked once more when all is read:
//
//	var r input.Reader
//	err := r.Open(ctx, file, off, end) // *ChangedError: it is not what was planned
//	as, err := r.Compression()         // by the first bytes, which are read once
//	n, err := r.ReadAt(p, off)
//	err = r.Check(toEnd)               // the same question, on the same descriptor, after the last read
//
// What lies between the two checks is what the plan meant, as far as size and time can tell. Of an
// object, every byte is of the version that was planned. With a [Folder], many files of one folder are
// found faster.
//
// If the file is compressed ([Compression]), an [Unpacker] makes a stream of its contents:
//
//	u.Reset(&r, file, as)
//	n, err := u.Read(p)          // *DamagedError: it can't be unpacked to its end
//
// A zstd file may have a table that says where its frames begin. [Cuts] reads it, and
// [Unpacker.Frames] unpacks some of the frames.
//
// Nothing is read before the first check, and opening waits for no writer. So a FIFO or a device that
// took a file's place can neither block the caller nor be harmed.
//
// # Caveats
//
// Of a local file, only size and time are compared. A change is not noticed if the size and the time are
// as before.
//
// A file that may grow ([File.MayGrow]) is counted up to its planned size. Its inode is compared
// too, and the caveats of [File.Compare] apply.
//
// Paths hold any bytes. [Describe] quotes them, so use it for every error that people may see.
package input
