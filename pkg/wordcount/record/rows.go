package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// rows cuts lines into fields. What is in quotes it reads as encoding/csv does.
type rows struct {
	comma  byte
	quotes bool   // fields may be in quotes
	across bool   // fields in quotes may have line ends
	column int    // the index of the one that is counted; noColumn if the header doesn't name it
	why    string // there is no such column
	block  []byte // whole lines; slack follows, except behind a header that is read alone
	at     int    // where the next field of the row begins
	end    int    // of the line, without CR and LF
	next   int    // where the next line begins
	quote  int    // where the first quote at or behind some earlier at is; -1: unknown
	inside bool   // the last field was in quotes
	text   []byte // of a name in the header that is in quotes
}

const noColumn = math.MaxInt

// open begins a block.
func (c *rows) open(block []byte) { c.block, c.quote = block, -1 }

// line begins the line at i.
func (c *rows) line(i int) {
	c.at, c.end = i, i+bytes.IndexByte(c.block[i:], '\n')
	c.next = c.end + 1
	if c.end > i && c.block[c.end-1] == '\r' {
		c.end--
	}
}

// quoted says whether a quote is in block[from:to]. It looks at each byte once, as long as from
// doesn't go back.
func (c *rows) quoted(from, to int) bool {
	if c.quote < from {
		c.quote = len(c.block)
		if i := bytes.IndexByte(c.block[from:], '"'); i >= 0 {
			c.quote = from + i
		}
	}
	return c.quote < to
}

// plain returns the field of a line without quotes.
func (c *rows) plain(column int) ([]byte, fate) {
	from := c.at
	if column > 0 {
		from = c.behind(column)
	}
	if from > c.end {
		return nil, missing
	}
	field := c.block[from:c.end]
	if i := bytes.IndexByte(field, c.comma); i >= 0 {
		field = field[:i]
	}
	return field, found
}

// behind returns where the text behind some commas begins, which is beyond c.end if the line has fewer
// of them. It looks at eight bytes at a time, because most fields are short.
func (c *rows) behind(commas int) int {
	const ones, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	comma := uint64(c.comma) * ones
	block := c.block[:len(c.block)+look]
	for i := c.at; i < c.end; i += 8 {
		others := binary.LittleEndian.Uint64(block[i:]) ^ comma
		here := ^(others&low + low | others | low) // the high bit of each comma
		n := bits.OnesCount64(here)
		if n < commas {
			commas -= n
			continue
		}
		for ; commas > 1; commas-- {
			here &= here - 1
		}
		return i + bits.TrailingZeros64(here)/8 + 1
	}
	return math.MaxInt
}

// row returns the field of a row with quotes. It leaves c.next behind the row.
func (c *rows) row(column int) (field []byte, f fate) {
	f = missing
	inside := false
	for n := 0; ; n++ {
		raw, last, state := c.cell()
		if state != found {
			return nil, state
		}
		if n == column {
			field, f, inside = raw, found, c.inside
		}
		if last {
			break
		}
	}
	if inside {
		field = unquoted(field[:0], field) // in its place, because the row isn't read again
	}
	return field, f
}

// cell returns the next field of a row as it stands in the text, without the quotes around it, and
// whether it is the last one.
func (c *rows) cell() (raw []byte, last bool, f fate) {
	c.inside = false
	if !c.quotes || c.at == c.end || c.block[c.at] != '"' {
		raw = c.block[c.at:c.end]
		i := bytes.IndexByte(raw, c.comma)
		if i >= 0 {
			raw = raw[:i]
		}
		if c.quotes && c.quoted(c.at, c.at+len(raw)) {
			return nil, true, malformed
		}
		c.at += len(raw) + 1
		return raw, i < 0, found
	}
	c.inside = true
	c.at++
	for from := c.at; ; {
		if !c.quoted(c.at, c.end) {
			if !c.across {
				return nil, true, malformed
			}
			if c.next == len(c.block) {
				return nil, true, partial
			}
			c.line(c.next)
			continue
		}
		raw = c.block[from:c.quote]
		c.at = c.quote + 1
		if c.at == c.end {
			return raw, true, found
		}
		switch c.block[c.at] {
		case '"':
			c.at++
		case c.comma:
			c.at++
			return raw, false, found
		default:
			return nil, true, malformed
		}
	}
}

// unquoted appends what stands in quotes: "" is a quote, and CRLF is LF. It may be appended to
// raw[:0], because it gets no longer.
func unquoted(to, raw []byte) []byte {
	for {
		i := bytes.IndexAny(raw, "\"\r")
		if i < 0 {
			return append(to, raw...)
		}
		to = append(to, raw[:i]...)
		if raw[i] == '"' || i+1 < len(raw) && raw[i+1] == '\n' {
			i++
		}
		to = append(to, raw[i])
		raw = raw[i+1:]
	}
}

// header looks for the name of the column in the first row of a file. It returns how many bytes
// that row has, and whether it is whole.
func (c *rows) header(block []byte, name string, ended bool) (used int, whole bool) {
	c.open(block)
	c.line(0)
	c.column, c.why = noColumn, fmt.Sprintf("the header has no column %q", name)
	for n := 0; ; n++ {
		raw, last, state := c.cell()
		if state == partial && !ended {
			return 0, false
		}
		if state != found {
			c.column, c.why = noColumn, "the header is not valid CSV"
			return c.next, true
		}
		if c.inside && c.column == noColumn { // the row may be read again
			c.text = unquoted(c.text[:0], raw)
			raw = c.text
		}
		if c.column == noColumn && string(raw) == name {
			c.column = n
		}
		if last {
			return c.next, true
		}
	}
}

// cells gives the values of the rows that begin in block[:stop].
func (r *Reader) cells(block []byte, stop int, tally *Tally, value func([]byte) error) (used int, err error) {
	c := &r.rows
	c.open(block)
	for used < stop {
		c.line(used)
		if c.end == used { // an empty line is no row
			used = c.next
			continue
		}
		var field []byte
		var f fate
		if c.quotes && c.quoted(used, c.end) {
			if field, f = c.row(c.column); f == partial {
				if !r.window.ended {
					return used, nil
				}
				f = malformed
			}
		} else {
			field, f = c.plain(c.column)
		}
		tally.Records++
		switch f {
		case found:
			err = value(field)
		case missing:
			err = r.lacks(&tally.Missing, used, func() string {
				if c.column == noColumn {
					return c.why
				}
				return fmt.Sprintf("it has no column %d", c.column+1)
			})
		default:
			err = r.lacks(&tally.Malformed, used, func() string {
				return "it is not valid CSV: its quotes are not as they must be"
			})
		}
		if err != nil {
			return used, err
		}
		used = c.next
	}
	return used, nil
}
