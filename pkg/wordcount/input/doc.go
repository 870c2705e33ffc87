// Package input reads the files that a job counts, and notices when one of them has changed.
//
// # Basics
//
// A [File] is a file as it was when the job was planned: its path, its size and its time of
// modification. A [Reader] opens it, reads it, and is asked once more when all is read:
//
//	var r input.Reader
//	err := r.Open(ctx, file)     // *ChangedError: it is not what was planned
//	n, err := r.ReadAt(p, off)
//	err = r.Check(toEnd)         // the same question, on the same descriptor, after the last read
//
// What lies between the two checks is what the plan meant, as far as size and time can tell.
//
// If the file is compressed ([Compression]), an [Unpacker] makes a stream of its contents:
//
//	u.Reset(&r, file)
//	n, err := u.Read(p)          // *DamagedError: it can't be unpacked to its end
//
// Nothing is read before the first check, and opening waits for nothing. So a FIFO or a device that
// took a file's place can neither block the caller nor be harmed.
//
// # Caveats
//
// Only size and time are compared. A change is not noticed if the size and the time are as before.
//
// A file that may grow ([File.MayGrow]) is counted up to its planned size. Its inode is compared
// too, and the caveats of [File.Compare] apply.
//
// Paths hold any bytes. [Describe] quotes them, so use it for every error that people may see.
package input
