package corpus

import (
	"cmp"
	"fmt"
)

// The default of each field of a Spec that has one.
const (
	DefaultBytes = 64 << 20
	DefaultFiles = 16
	DefaultWords = 200_000
	DefaultZipf  = 1.07 // about the exponent of English
)

const (
	maxFiles = 100_000 // names have five digits
	maxWords = 1 << 24 // inventing these takes about 2 GB of memory
	maxZipf  = 4
)

// Spec describes every byte of a corpus. A field that is zero has its default, see the constants
// above.
type Spec struct {
	Bytes int64   `json:"bytes"` // of all files together
	Files int     `json:"files"` // the bytes are divided evenly among them
	Words int     `json:"words"` // size of the vocabulary: how many different words can occur
	Zipf  float64 `json:"zipf"`  // exponent: a larger one makes frequent words more frequent
	Seed  uint64  `json:"seed"`  // another seed gives another corpus
}

// WithDefaults returns the spec with defaults for the fields that are zero.
func (s Spec) WithDefaults() Spec {
	s.Bytes = cmp.Or(s.Bytes, DefaultBytes)
	s.Files = cmp.Or(s.Files, DefaultFiles)
	s.Words = cmp.Or(s.Words, DefaultWords)
	s.Zipf = cmp.Or(s.Zipf, DefaultZipf)
	return s
}

// Validate returns an error if the spec, with its defaults, makes no sense.
func (s Spec) Validate() error {
	s = s.WithDefaults()
	switch {
	case s.Bytes < 0:
		return fmt.Errorf("corpus: %d bytes: give a size of 1 or more", s.Bytes)
	case s.Files < 0 || s.Files > maxFiles:
		return fmt.Errorf("corpus: %d files: give 1 to %d", s.Files, maxFiles)
	case s.Words < 0 || s.Words > maxWords:
		return fmt.Errorf("corpus: a vocabulary of %d words: give 1 to %d", s.Words, maxWords)
	case !(s.Zipf > 0 && s.Zipf <= maxZipf): // written so that NaN is refused, too
		return fmt.Errorf("corpus: a Zipf exponent of %v: give one above 0 and up to %d, 1.07 is like English", s.Zipf, maxZipf)
	}
	return nil
}

// name returns the name of file i.
func (s Spec) name(i int) string {
	return fmt.Sprintf("part-%05d.txt", i)
}

// bytes returns the size of some files together.
func (s Spec) bytes(files []int) (total int64) {
	for _, i := range files {
		total += s.size(i)
	}
	return total
}

// size returns the size of file i. If the bytes don't divide evenly, the first files have one more.
func (s Spec) size(i int) int64 {
	each, rest := s.Bytes/int64(s.Files), s.Bytes%int64(s.Files)
	if int64(i) < rest {
		each++
	}
	return each
}
