package shuffle

import (
	"encoding/binary"
	"errors"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"io"
	"unsafe"
)

// An Output is a map output whose header and footer were read and are sound. It keeps 40 bytes for
// each partition of each spill. It isn't safe for concurrent use.
type Output struct {
	run  Run
	id   identity
	path string

	file    backend.Object // nil: not open
	bytes   int64
	entries []entry // of spill 0, by partition, then of spill 1, and so on
}

// Open opens a map output. The error is ErrLost, the host's, or ErrName.
//
// What can't be opened is looked at twice, with a look at the mark in between. So a file system that
// went away in the middle is not taken for a loss.
func (r Run) Open(name string, partitions int) (*Output, error) {
	id, path, err := r.output(name, partitions)
	if err != nil {
		return nil, err
	}
	o := &Output{run: r, id: id, path: path}
	if o.load() == nil {
		return o, nil
	}
	o.Close()
	if err := r.CheckMark(); err != nil {
		return nil, err
	}
	if err := o.load(); err != nil {
		return nil, o.failed(err)
	}
	return o, nil
}

// load reads and checks header and footer.
func (o *Output) load() error {
	if err := o.open(); err != nil {
		return err
	}
	defer o.file.Expect(0, 0)
	var err error
	if o.bytes, err = o.file.Size(); err != nil {
		return err
	}
	room := o.bytes - headerSize - tailSize
	if room < 0 {
		return lost("it is shorter than header and tail")
	}
	header, tail := make([]byte, headerSize), make([]byte, tailSize)
	if err := o.readAt(header, 0); err != nil {
		return err
	}
	if err := o.id.check(header); err != nil {
		return err
	}
	if err := o.readAt(tail, o.bytes-tailSize); err != nil {
		return err
	}
	length, err := o.id.footerLength(tail, room)
	if err != nil {
		return err
	}
	footer, end := make([]byte, length), o.bytes-tailSize-length
	if err := o.readAt(footer, end); err != nil {
		return err
	}
	if indexSum(header, footer) != binary.LittleEndian.Uint64(tail) {
		return lost("the checksum of its footer is wrong")
	}
	o.entries, err = o.id.entries(footer, end)
	return err
}

// open opens the file if it isn't open.
func (o *Output) open() (err error) {
	if o.file == nil {
		o.file, err = o.run.store.backend.Open(o.path)
	}
	return err
}

func (o *Output) readAt(b []byte, off int64) error { return readAt(o.file, b, off) }

// readAt fills b.
func readAt(file backend.Object, b []byte, off int64) error {
	n, err := file.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return lost("it became shorter while it was read")
	}
	return err
}

// failed closes the file, so that the next try opens what is there then. It gives err its class.
func (o *Output) failed(err error) error {
	o.Close()
	return o.run.failed(o.path, err)
}

// Close closes the file and keeps what is known of it. Reading a segment opens it again. So a reducer
// can know thousands of map outputs, and have few files open.
func (o *Output) Close() error {
	if o.file == nil {
		return nil
	}
	file := o.file
	o.file = nil
	return file.Close()
}

// Name returns the name of the map output.
func (o *Output) Name() string { return o.id.name }

// Bytes returns about the memory that the Output takes, in bytes.
func (o *Output) Bytes() int { return 512 + len(o.entries)*int(unsafe.Sizeof(entry{})) }

// Written returns what the map output holds.
func (o *Output) Written() Written {
	w := Written{Spills: o.spills(), Bytes: o.bytes}
	for _, s := range o.entries {
		w.Tokens += s.tokens
	}
	return w
}

// Words returns how many words a partition has, those of each spill counted by themselves. The
// partition has no more different words than that.
func (o *Output) Words(partition int) (words uint64) {
	for spill := range o.spills() {
		words += o.entries[spill*o.id.partitions+partition].words
	}
	return words
}

func (o *Output) spills() int { return len(o.entries) / o.id.partitions }
