package record

import (
	"bytes"
	"fmt"
	"io"
)

const (
	windowSize = 256 << 10 // bytes; stays in the second cache
	headerSize = 4 << 10   // bytes of a window for a header alone
	look       = 16        // bytes behind the whole lines that may be looked at
	slack      = 80        // bytes of room behind a window: a line end, look, and a block of marks that begins there
	overrun    = 16 << 10  // bytes of a read beyond the end of a range
)

// window is the part of a text that is looked at. It grows if a record is larger.
type window struct {
	text  io.Reader
	buf   []byte // has been read, and isn't used; at least slack bytes of room follow
	base  int64  // of buf[0] in the text
	lines int    // bytes of buf that are whole lines
	ended bool   // the text has ended; if its last line had no end, it has one in buf
	most  int    // bytes of a record
}

// open begins a text whose first byte is at base.
func (w *window) open(text io.Reader, base int64, size int) {
	if cap(w.buf) != size+slack { // also after a large record
		w.buf = make([]byte, 0, size+slack)
	}
	w.text, w.buf, w.base, w.lines, w.ended = text, w.buf[:0], base, 0, false
}

// skipMark passes over a byte order mark at the beginning of the text.
func (w *window) skipMark() error {
	mark := w.buf[:3]
	n, err := io.ReadFull(w.text, mark)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if string(mark[:n]) == byteOrderMark {
		w.base += int64(n)
		return nil
	}
	w.buf = mark[:n]
	return nil
}

const byteOrderMark = "\xEF\xBB\xBF"

// skipLine passes over all up to the end of a line, or up to the end of the range.
func (w *window) skipLine(end int64) error {
	for {
		if i := bytes.IndexByte(w.buf, '\n'); i >= 0 {
			w.use(i + 1)
			return nil
		}
		w.use(len(w.buf))
		if w.base >= end || w.ended {
			return nil
		}
		if err := w.read(end); err != nil {
			return err
		}
	}
}

// use drops bytes from the beginning of the window.
func (w *window) use(n int) {
	kept := copy(w.buf, w.buf[n:])
	w.buf, w.base, w.lines = w.buf[:kept], w.base+int64(n), max(w.lines-n, 0)
}

// fill reads until the window has a whole line, or the text ends. A record begins at the beginning
// of the window. If it is partial, its end isn't in the window, and fill doubles what is there.
func (w *window) fill(partial bool, end int64) error {
	want := 0
	if partial {
		if want = min(2*len(w.buf), w.most+1); want == len(w.buf) {
			return w.tooLarge()
		}
	}
	w.lines = bytes.LastIndexByte(w.buf, '\n') + 1
	for !w.ended && (w.lines == 0 || len(w.buf) < want) {
		if len(w.buf) > w.most {
			return w.tooLarge()
		}
		if room := cap(w.buf) - slack; len(w.buf) == room {
			larger := make([]byte, len(w.buf), min(2*room, w.most+1)+slack)
			copy(larger, w.buf)
			w.buf = larger
		}
		if err := w.read(end); err != nil {
			return err
		}
	}
	return nil
}

func (w *window) tooLarge() error {
	return &Error{w.base, fmt.Sprintf("it has more than %d bytes", w.most)}
}

// read reads once. The window has room.
func (w *window) read(end int64) error {
	have := len(w.buf)
	room := cap(w.buf) - slack - have
	if ahead := max(end-w.base-int64(have), overrun); int64(room) > ahead {
		room = int(ahead)
	}
	n, err := w.text.Read(w.buf[have : have+room])
	for tries := 0; n == 0 && err == nil; tries++ {
		if tries == 100 {
			return io.ErrNoProgress
		}
		n, err = w.text.Read(w.buf[have : have+room])
	}
	w.buf = w.buf[:have+n]
	if i := bytes.LastIndexByte(w.buf[have:], '\n'); i >= 0 {
		w.lines = have + i + 1
	}
	if err == io.EOF {
		w.ended = true
		if w.lines < len(w.buf) {
			w.buf = append(w.buf, '\n')
			w.lines = len(w.buf)
		}
		return nil
	}
	return err
}

// block returns the whole lines.
func (w *window) block() []byte { return w.buf[:w.lines] }
