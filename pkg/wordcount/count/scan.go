package count

import (
	"io"
	"math/bits"
)

const (
	// chunk is how many bytes are read at once: enough to make the call cheap, and at home in the second cache. A file that
	// is mapped and copied from costs 1.5 times as much when it is cached, because of its page faults, and 1.8 times when it
	// is cold, because the kernel reads further ahead of reads than of faults.
	chunk  = 256 << 10
	behind = 3         // bytes before a split that are looked at: the longest white space
	beyond = 512       // bytes read past a split at first: enough for most last words
	group  = 64        // blocks that are cut before their words are counted: their edges stay in the first cache
	slack  = 2 * block // room behind the bytes in the buffer, so that whole blocks and keys can be loaded
)

// A scan goes through the bytes of one split and yields its words, as edges:
// the positions in buf where a word starts, ends, the next starts, and so on.
// Words that the split doesn't own are made white, and so never have edges.
type scan struct {
	off, end, size int64 // the split, and the file
	limit          int64 // how far to read for now

	buf  []byte
	base int64 // the file offset of buf[0]
	have int   // bytes in buf
	at   int   // bytes of them that are scanned

	seeking bool   // no word of this split has started yet
	done    bool   // the last one has ended
	last    uint64 // bit 0: the byte before at is white
	spill   uint64 // bytes from at on that end a white space begun before it

	white [group]uint64               // for each block of the group, which bytes are white space
	lead  [group]uint64               // and which may begin white space of several bytes
	edges [1 + group*block + 8]uint32 // of the open word, of every byte, and room to store eight at once
	n     int                         // how many; if odd, a word is open
}

func (s *scan) start(off, end, size int64) {
	s.off, s.end, s.size = off, end, size
	s.limit = min(end+beyond, size)
	s.base = max(off-behind, 0)
	s.have, s.at, s.n = 0, 0, 0
	s.seeking, s.done = true, false
	s.last, s.spill = 0, 0
	if s.base == 0 {
		s.last = 1
	}
}

// fill drops what is scanned, except an open word, and reads on.
func (s *scan) fill(r io.ReaderAt) error {
	keep := s.at
	if s.n > 0 {
		keep = int(s.edges[0])
		if s.at-keep > MaxWord {
			return &WordTooLongError{s.base + int64(keep)}
		}
		s.edges[0] = 0
	}
	s.have = copy(s.buf, s.buf[keep:s.have])
	s.base += int64(keep)
	s.at -= keep

	next := s.base + int64(s.have)
	if next == s.limit { // the last word is longer than expected
		s.limit = s.size
	}
	n := int(min(s.limit-next, chunk))
	if need := s.have + n + slack; need > len(s.buf) {
		s.buf = append(s.buf[:s.have], make([]byte, need-s.have)...)
	}
	ask := n
	if next+int64(n) == s.size {
		ask++ // r sees by this whether there is more than there should be
	}
	if err := readFull(r, s.buf[s.have:s.have+ask], n, next); err != nil {
		return err
	}
	s.have += n
	clear(s.buf[s.have : s.have+slack])
	return nil
}

// readFull reads into p from offset off of r, need bytes at least: r isn't supposed to end before.
func readFull(r io.ReaderAt, p []byte, need int, off int64) error {
	for need > 0 {
		n, err := r.ReadAt(p, off)
		p, need, off = p[n:], need-n, off+int64(n)
		switch {
		case need <= 0:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case n == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}

// next finds the edges of the next group of blocks; it returns false when the
// split is done or the buffer used up.
func (s *scan) next() bool {
	if s.n&1 > 0 {
		s.edges[0] = s.edges[s.n-1]
	}
	s.n &= 1
	if s.done {
		return false
	}

	// A block can be judged once the two bytes after it are here. At the end of
	// the file, one block more than needed is judged, to end the last word.
	from, blocks := s.at, (s.have-2-s.at)/block
	eof := s.base+int64(s.have) == s.size
	if eof {
		blocks = (s.have-s.at)/block + 1
	}
	if blocks = min(blocks, group); blocks <= 0 {
		return false
	}
	white := s.white[:blocks]
	if spaces(s.buf[from:], white, s.lead[:]) || s.spill > 0 {
		s.spill = widen(s.buf[from:], white, s.lead[:], s.spill)
	}
	s.at += blocks * block
	if s.at > s.have { // the end of the file ends a word
		white[blocks-1] |= ^uint64(0) << (block - (s.at - s.have))
		s.done = true
	}
	last := s.base+int64(s.at) >= s.end
	if s.seeking && !s.seek(white, from) {
		s.done = last
		return true
	}
	if last {
		white = s.finish(white, from)
	}
	var n int
	n, s.last = cut(white, uint32(from), s.last, s.edges[s.n:])
	s.n += n
	return true
}

// seek finds the first word that starts at off or later, and makes everything
// before it white. It returns false if none starts in these blocks.
func (s *scan) seek(white []uint64, from int) bool {
	last := s.last
	for i, m := range white {
		starts := ^m & (m<<1 | last)
		if before := s.off - s.base - int64(from+i*block); before > 0 {
			starts = starts >> before << before
		}
		if starts != 0 {
			white[i] |= starts&-starts - 1
			s.last, s.seeking = 1, false
			return true
		}
		white[i] = ^uint64(0)
		last = m >> 63
	}
	s.last = last
	return false
}

// finish makes everything white after the last word that starts in the split,
// if that word ends in these blocks. They reach the end of the split.
func (s *scan) finish(white []uint64, from int) []uint64 {
	own := max(int(s.end-1-s.base)-from, 0) // the split's last byte, or the first of these after it
	rest := ^uint64(0) << (own % block)
	for i := own / block; i < len(white); i++ {
		if m := white[i] & rest; m != 0 {
			white[i] |= ^uint64(0) << bits.TrailingZeros64(m)
			s.done = true
			return white[:i+1]
		}
		rest = ^uint64(0)
	}
	return white
}
