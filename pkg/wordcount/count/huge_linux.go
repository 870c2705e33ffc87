package count

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// hugePages asks for huge pages for a table that was just made. It is memory of
// the garbage collector as any other; the advice is about the address range, and
// an error is no harm: the table is only slower.
func hugePages[T any](table []T) {
	p := unsafe.Pointer(unsafe.SliceData(table))
	skip := -uintptr(p) % hugePage // to the first whole one
	size := uintptr(len(table)) * unsafe.Sizeof(table[0])
	if size < skip+hugePage {
		return
	}
	whole := unsafe.Slice((*byte)(unsafe.Add(p, skip)), (size-skip)/hugePage*hugePage)
	_ = unix.Madvise(whole, unix.MADV_HUGEPAGE)
}
