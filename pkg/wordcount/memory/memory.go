// Package memory says what a worker's memory is made of, and keeps the worker within it.
package memory

import (
	"math"
	"runtime"
	"runtime/debug"
)

// What a worker's memory is made of. Each part is bounded, so their sum is, whatever the input: VmHWM,
// the most that the system has ever seen the process have. In sixteenths of what the worker is told:
//
//	9  a table, and what is made of it while it is still there: what is packed of a table of partial
//	   counts, or the ranking of a table of totals. Only one of the two is there, because a worker
//	   commits what it has counted before it merges. A table that grows is held twice for a moment.
//	   Where totals are merged from files there is no table, but a block of each of runsMax files.
//	   What unpacks compressed files takes its share of this, too, and so do what reads records, the
//	   client of S3, and a part of a map output that is written there.
//	1  what is where in the map outputs
//	2  garbage, until the collector runs
//	4  everything else: the program, 14 MiB of it, what reads and writes hold (4 MiB at most, with a
//	   word of MaxWord on its way), the client of Redis, stacks, and what the runtime keeps for itself
//
// The last share is what 64 MiB have to spare, and no worker may have less. Measured with words of
// 8 bytes to 1 MiB, all different, far more than fit: 49 to 59 MiB of 64, 160 to 200 of 256.

// sdk returns what the client of S3 takes of every process that is linked with it, in bytes: its tables,
// and the pages of the program that the collector reads for them. Measured: 4 to 5 MiB. Workers of tests
// may have less memory than any other worker. Then a twelfth of it is set aside.
func sdk(memory int64) int64 { return min(5<<20, memory/12) }

// Room returns how many bytes a table may take together with what is made of it.
func Room(memory int64) int { return int(memory/16*9 - sdk(memory)) }

// Window returns how large the window of a zstd file may be, in bytes. With the least memory that a
// worker can have, it is what RFC 8878 recommends to support: 8 MiB.
func Window(memory int64) int64 { return memory / 8 }

// UnpackRoom returns how many bytes of room a worker needs to unpack files: for the window, for the
// decoders, and for a text that is not counted yet, 2 MiB if it has the longest word.
func UnpackRoom(memory int64) int { return int(Window(memory)) + 4<<20 }

// Record returns how large a record may be, in bytes. Where the memory is 2 GiB, that is the 64 MiB
// that package record takes at most. With the least memory it leaves the table room for long words,
// in compressed files, too.
func Record(memory int64) int { return int(min(memory/32, 64<<20)) }

// RecordRoom returns how many bytes of room a worker needs to read records: for one of the largest,
// for its value without escapes, and for half of the record, which is copied as it grows.
func RecordRoom(memory int64) int { return Record(memory)/2*5 + 3<<20 }

// ListRoom returns how many bytes a worker may take to know what is where in the map outputs. It
// opens the others again for each partition.
func ListRoom(memory int64) int { return int(memory / 16) }

// Limit makes the garbage collector keep to the memory. Almost nothing in the heap is garbage until a
// table grows or a commit ends. So the collector runs late, and the limit handles the rest. The limit
// doesn't count the program itself.
func Limit(memory int64) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memory/16*12 - sdk(memory))
}

// Collect frees what is garbage, before as much is taken again. By itself, the collector begins when
// that is taken already, and ends some milliseconds later, or much later on a busy machine. The heap
// holds little but large blocks without pointers, so this takes about a millisecond. A process that has
// no limit is not the worker's own, and may hold much more.
func Collect() {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		runtime.GC()
	}
}
