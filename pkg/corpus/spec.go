package corpus

import (
	"cmp"
	"fmt"
)

// What the zero value of a Spec's field stands for.
const (
	DefaultBytes = 64 << 20
	DefaultFiles = 16
	DefaultWords = 200_000
	DefaultZipf  = 1.07 // about that of English
)

const (
	maxFiles = 100_000 // names have five digits
	maxWords = 1 << 24 // about 2 GB of memory while they are being invented
	maxZipf  = 4
)

// Spec describes a corpus to the byte. Zero fields have the defaults above.
type Spec struct {
	Bytes int64   `json:"bytes"` // of all files together
	Files int     `json:"files"` // which share the bytes evenly
	Words int     `json:"words"` // vocabulary: how many different words can occur
	Zipf  float64 `json:"zipf"`  // exponent: the larger, the more often the common words
	Seed  uint64  `json:"seed"`  // another seed, another corpus
}

// WithDefaults fills in the fields that are zero.
func (s Spec) WithDefaults() Spec {
	s.Bytes = cmp.Or(s.Bytes, DefaultBytes)
	s.Files = cmp.Or(s.Files, DefaultFiles)
	s.Words = cmp.Or(s.Words, DefaultWords)
	s.Zipf = cmp.Or(s.Zipf, DefaultZipf)
	return s
}

// Validate says what is wrong with the spec, once defaults are filled in.
func (s Spec) Validate() error {
	s = s.WithDefaults()
	switch {
	case s.Bytes < 0:
		return fmt.Errorf("corpus: %d bytes: give a size of 1 or more", s.Bytes)
	case s.Files < 0 || s.Files > maxFiles:
		return fmt.Errorf("corpus: %d files: give 1 to %d", s.Files, maxFiles)
	case s.Words < 0 || s.Words > maxWords:
		return fmt.Errorf("corpus: a vocabulary of %d words: give 1 to %d", s.Words, maxWords)
	case !(s.Zipf > 0 && s.Zipf <= maxZipf): // so that NaN is refused too
		return fmt.Errorf("corpus: a Zipf exponent of %v: give one above 0 and up to %d, 1.07 is like English", s.Zipf, maxZipf)
	}
	return nil
}

// name of file i.
func (s Spec) name(i int) string {
	return fmt.Sprintf("part-%05d.txt", i)
}

// size of file i. The first files take what doesn't divide.
func (s Spec) size(i int) int64 {
	each, rest := s.Bytes/int64(s.Files), s.Bytes%int64(s.Files)
	if int64(i) < rest {
		each++
	}
	return each
}
