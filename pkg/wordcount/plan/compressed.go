package plan

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"
)

// Compressed says how many files of an input are compressed. They are counted as they are, and not
// as the texts that are in them.
type Compressed struct {
	Files int
	One   string // the path of one of them; any bytes
	More  bool   // there may be more, because a scan doesn't look into each of many small files
}

// To look into a file takes three times as long as to list it. So of many small files, a scan looks
// only into the first ones.
const (
	earlyFiles = 1000
	largeFile  = 1 << 20 // bytes; counting such a file takes a hundred times as long
)

// String is one line for people.
func (c Compressed) String() string {
	number := english.Plural(c.Files, "file is", "files are")
	if c.More {
		number = "at least " + number
	}
	return fmt.Sprintf("%s compressed, counted without being unpacked; one is %s", number, strconv.Quote(c.One))
}

// add adds a file of an input. read says whether the scan has looked into it.
func (c *Compressed) add(path string, read, compressed bool) {
	c.More = c.More || !read
	if !compressed {
		return
	}
	if c.Files++; c.Files == 1 || path < c.One {
		c.One = path
	}
}

// magicWithin is how many bytes tell whether a file is compressed.
const magicWithin = 10

// isCompressed reports whether a file that begins so is compressed by gzip (RFC 1952), zstd
// (RFC 8878) or bzip2. With bzip2, the size of the blocks and the mark of a block, or of the end,
// follow the first letters.
func isCompressed(begin []byte) bool {
	if bytes.HasPrefix(begin, []byte("BZh")) && len(begin) >= magicWithin {
		mark := string(begin[4:magicWithin])
		return mark == "\x31\x41\x59\x26\x53\x59" || mark == "\x17\x72\x45\x38\x50\x90"
	}
	return bytes.HasPrefix(begin, []byte("\x1f\x8b\x08")) || bytes.HasPrefix(begin, []byte("\x28\xb5\x2f\xfd"))
}
