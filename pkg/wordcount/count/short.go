package count

// shorts is the table of short words: open addressing by lines, the next line
// being tried when one is full.
type shorts struct {
	seed  seed
	lines []line // a power of two of them
	n     int    // words
	text  int    // bytes of them

	// What a count of 32 bits can't hold: multiples of 2^32, for hardly any word.
	carry map[key]uint64
}

const minLines = 512 // 32 KiB, for the tables of little files

func makeLines(n int) []line {
	lines := make([]line, n)
	hugePages(lines)
	return lines
}

// room is the number of words that n lines take before they are doubled: seven
// tenths of their places. More, and too many words are not in their home line.
func room(n int) int { return n * 3 * 7 / 10 }

// fits tells whether there is room for n more words.
func (s *shorts) fits(n int) bool { return s.n+n <= room(len(s.lines)) }

// reserve makes room for n more words.
func (s *shorts) reserve(n int) {
	for !s.fits(n) {
		old := s.lines
		s.lines = makeLines(2 * len(old))
		for i := range old {
			for x, k := range old[i].key {
				if k != (key{}) {
					l, x2 := s.place(k, s.seed.mix(k))
					l.key[x2], l.n[x2] = k, old[i].n[x]
				}
			}
		}
	}
}

// place returns where k is, or if it is new, where to put it.
func (s *shorts) place(k key, home uint64) (l *line, x int) {
	mask := uint64(len(s.lines) - 1)
	for i := home / lineSize & mask; ; i = (i + 1) & mask {
		l := &s.lines[i]
		for x := range l.key {
			if l.key[x] == k || l.key[x] == (key{}) {
				return l, x
			}
		}
	}
}

// add adds n more of the word of k, for which there is room. Home is where its
// home line begins, or its hash.
func (s *shorts) add(k key, home, n uint64) {
	l, x := s.place(k, home)
	if l.key[x] != k {
		l.key[x] = k
		s.n++
		s.text += int(k.hi >> 56)
	}
	n += uint64(l.n[x])
	l.n[x] = uint32(n)
	if n >= 1<<32 {
		if s.carry == nil {
			s.carry = map[key]uint64{}
		}
		s.carry[k] += n >> 32 << 32
	}
}

// addHome is add, and faster if the word is in its home line.
func (s *shorts) addHome(w *hashed, n uint64) {
	l := &s.lines[w.home/lineSize]
	x := l.find(&w.key)
	if n += uint64(l.n[x%4]); x < 3 && n < 1<<32 {
		l.n[x%4] = uint32(n)
		return
	}
	s.add(w.key, w.home, n-uint64(l.n[x%4]))
}

func (s *shorts) all(yield func([]byte, uint64) bool) bool {
	var b [16]byte
	for i := range s.lines {
		l := &s.lines[i]
		for x, k := range l.key {
			if k == (key{}) {
				break
			}
			n := uint64(l.n[x])
			if len(s.carry) > 0 {
				n += s.carry[k]
			}
			if !yield(k.bytes(&b), n) {
				return false
			}
		}
	}
	return true
}

// reset empties the table. One of which less than an eighth was used is halved,
// so that after a big split little ones don't go on paying for it.
func (s *shorts) reset() {
	if len(s.lines) > minLines && s.n < room(len(s.lines))/8 {
		s.lines = makeLines(len(s.lines) / 2)
	} else {
		clear(s.lines)
	}
	clear(s.carry)
	s.n, s.text = 0, 0
}
