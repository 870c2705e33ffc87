package combine

import (
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
)

// Count counts the words of an open file in a range of a split, and returns how many there are.
// After an error, all that is counted is spoilt. The error of a store that can't be used is that of
// package shuffle.
func (c *Combiner) Count(f File, s plan.Split) (tokens uint64, err error) {
	as, err := compression(f, s)
	if err != nil {
		return 0, err
	}
	if c.records != nil {
		return c.records.count(f, s, as)
	}
	if as == input.Plain {
		return c.add(f, s.Off, s.Len, s.Size)
	}
	text, err := c.unpacking(f, s, as, whiteSpace)
	if err != nil {
		return 0, err
	}
	tokens, err = c.addText(text)
	c.unpacked(text)
	return tokens, text.locate(err)
}

// compression says how the file of a split is compressed. A file that is cut is not compressed, unless it
// is cut into frames.
func compression(f File, s plan.Split) (input.Compression, error) {
	if s.Frames {
		return input.Zstd, nil
	}
	if !s.IsWhole() {
		return input.Plain, nil
	}
	return f.Compression()
}
