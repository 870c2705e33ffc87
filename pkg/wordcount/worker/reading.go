package worker

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/claim"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

// reading is an input as a worker reads it, which is a combine.File. Its reads fail once the worker
// must end, and the heartbeat can see whether they make progress.
type reading struct {
	*input.Reader
	progress *claim.Reads
	faults   Faults
	kill     context.Context
}

func (r *reading) ReadAt(p []byte, off int64) (n int, err error) {
	if err := r.Step(); err != nil {
		return 0, err
	}
	n, err = r.Reader.ReadAt(p, off)
	r.faults.at(MidCount)
	return n, err
}

func (r *reading) Compression() (input.Compression, error) {
	if err := r.Step(); err != nil {
		return input.Plain, err
	}
	return r.Reader.Compression()
}

// Step is what each read begins with.
func (r *reading) Step() error {
	r.progress.Next()
	return r.kill.Err()
}
