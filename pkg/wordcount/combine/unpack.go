package combine

import (
	"bytes"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// unpacking begins to unpack a split. as says how it is compressed.
func (c *Combiner) unpacking(f File, s plan.Split, as input.Compression, ends string) (*unpacking, error) {
	text, err := c.unpack()
	if err != nil {
		return nil, err
	}
	return newUnpacking(text, f, s, as, ends), nil
}

// unpacked adds a compressed file, or some of its frames, to the tally.
func (c *Combiner) unpacked(u *unpacking) {
	c.tally.Add(protocol.Tally{Compressed: uint64(u.split.Len), Unpacked: u.own})
}

// unpack returns what unpacks files. There is one for each worker. The table gives it room when the
// first compressed file comes. A table without reducers is small, and what is in it can't be spilled.
func (c *Combiner) unpack() (*input.Unpacker, error) {
	if c.unpacker != nil {
		return c.unpacker, nil
	}
	if c.reducers > 0 && c.table.Len() > 0 {
		if err := c.relieve(); err != nil {
			return nil, err
		}
	}
	if c.table.Len() == 0 {
		c.Shrink()
	}
	c.unpacker = input.NewUnpacker(memory.Window(c.memory))
	return c.unpacker, nil
}

// addText counts a text whose size nobody knows before its end, and returns the number of words in it.
// The offset in a *count.WordTooLongError is that in the text.
func (c *Combiner) addText(text io.Reader) (tokens uint64, err error) {
	if c.text == nil {
		c.text = make([]byte, c.step())
	}
	kept := 0 // bytes at the beginning of c.text that may be half a word
	for at := int64(0); ; {
		n, err := io.ReadFull(text, c.text[kept:])
		whole := kept + n // bytes that end with a white space, or with the text
		have, end := c.text[:whole], err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return 0, err
		}
		if !end {
			space := bytes.LastIndexFunc(have, unicode.IsSpace)
			if space < 0 && len(have) <= count.MaxWord {
				c.text = append(c.text, make([]byte, len(c.text))...)
				kept = len(have)
				continue
			}
			if space >= 0 {
				_, width := utf8.DecodeRune(have[space:])
				whole = space + width
			}
		}
		size := int64(whole)
		some, countErr := c.add(bytes.NewReader(have[:whole]), 0, size, size)
		if long, ok := errors.AsType[*count.WordTooLongError](countErr); ok {
			long.Offset += at
		}
		if countErr != nil {
			return 0, countErr
		}
		tokens, at = tokens+some, at+size
		if end {
			return tokens, nil
		}
		kept = copy(c.text, have[whole:])
	}
}
