package count

import "math"

// A Part is some of the words of a partition: those that lie in an interval of it. So a partition
// that doesn't fit into memory can be merged part after part. Each partition of a run is cut in the
// same way.
type Part struct {
	of          Partitioner
	first, last uint64
}

// Whole returns the part that is the whole of a partition.
func (p Partitioner) Whole() Part { return Part{of: p, last: math.MaxUint64} }

// IsWhole reports whether the part is the whole of its partition.
func (p Part) IsWhole() bool { return p.first == 0 && p.IsLast() }

// IsLast reports whether no part follows.
func (p Part) IsLast() bool { return p.last == math.MaxUint64 }

// Half returns the first half of the part. It returns false if that can't be divided.
func (p Part) Half() (Part, bool) {
	half := p
	half.last = p.first + (p.last-p.first)/2
	return half, half != p
}

// Next returns the part that follows, which is as large as this one, unless it is the last one.
func (p Part) Next() Part {
	size := p.last - p.first
	p.first = p.last + 1
	p.last = p.first + min(size, math.MaxUint64-p.first)
	return p
}

// has reports whether a word of the partition is in the part.
func (p *Part) has(word []byte) bool {
	_, within := p.of.place(word)
	return p.first <= within && within <= p.last
}

// MergePart adds the counts of the words of a step that are in a part, until the table and its Ranking
// would take more than room bytes. It reports whether it has added all of them.
func (t *Table) MergePart(s Step, part Part, room int) (all bool) {
	only := &part
	if part.IsWhole() {
		only = nil
	}
	for i := 0; i < len(s.entries); {
		if t.Need(batchSize)+t.Len()*rankedSize+t.Text() > room {
			return false
		}
		i = t.mergeBatch(s.entries, i, only)
	}
	return true
}
