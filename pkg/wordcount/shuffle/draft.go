package shuffle

import (
	"bufio"
	"errors"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
)

// writeStep is how many bytes are written at once.
const writeStep = 256 << 10

// draft is a file of a run that is being written. After an error nothing of it is left, and each call
// meets the same error.
type draft struct {
	run  Run
	path string

	upload backend.Upload
	out    *bufio.Writer
	bytes  int64
	err    error // sticky
}

var errEnded = errors.New("shuffle: the file is finished or aborted")

// draft begins a file, in a run that has its mark. A durable one is on the disk when it is finished.
func (r Run) draft(path string, durable bool) (draft, error) {
	if err := r.CheckMark(); err != nil {
		return draft{}, err
	}
	upload, err := r.store.backend.Create(path, durable)
	if err != nil {
		return draft{}, r.failed(path, err)
	}
	return draft{run: r, path: path, upload: upload, out: bufio.NewWriterSize(upload, writeStep)}, nil
}

func (d *draft) write(b []byte) {
	if d.err != nil {
		return
	}
	n, err := d.out.Write(b)
	d.bytes += int64(n)
	if err != nil {
		d.fail(d.run.failed(d.path, err))
	}
}

// fail deletes what was written. The first error counts, and not what this may meet.
func (d *draft) fail(err error) {
	d.err = err
	d.upload.Abort()
}

// finish ends the file. Others can see it from then on.
func (d *draft) finish() error {
	if d.err == nil {
		if err := d.out.Flush(); err != nil {
			d.fail(d.run.failed(d.path, err))
		}
	}
	if d.err == nil { // a run that was deleted meanwhile takes no file
		if err := d.run.CheckMark(); err != nil {
			d.fail(err)
		}
	}
	if d.err != nil {
		return d.err
	}
	d.err = errEnded
	if err := d.upload.Finish(); err != nil {
		d.err = d.run.failed(d.path, err)
		return d.err
	}
	return nil
}

// Abort deletes what was written, unless the file is finished.
func (d *draft) Abort() error {
	if d.err != nil {
		return nil
	}
	d.err = errEnded
	return d.run.removed(d.path, d.upload.Abort())
}
