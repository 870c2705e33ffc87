package shuffle

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// A Reader reads segments of map outputs, one after the other, in steps of at most 1 MiB. It holds
// the memory for one step. Its zero value is ready. It isn't safe for concurrent use.
type Reader struct{ unpack count.Unpacker }

// Partition is Partitions for one.
func (r *Reader) Partition(o *Output, partition int) iter.Seq2[count.Step, error] {
	return r.Partitions(o, partition, partition+1)
}

// Partitions yields the words of the partitions from first to before end, spill by spill, step by step.
// What a spill has of them is read together where that pays. A step is valid during its turn. An error
// is the last thing that it yields: ErrLost, or the host's.
//
// A step may come before the checksum of its segment was compared. So after an error, and after a
// loop that was left early, the caller must drop all that it has made of these steps.
func (r *Reader) Partitions(o *Output, first, end int) iter.Seq2[count.Step, error] {
	return func(yield func(count.Step, error) bool) {
		for spill := range o.spills() {
			if err := o.expect(spill, first, end); err != nil {
				yield(count.Step{}, err)
				return
			}
			for partition := first; partition < end; partition++ {
				for step, err := range r.Segment(o, spill, partition) {
					if !yield(step, err) || err != nil {
						o.expectNothing()
						return
					}
				}
			}
			o.expectNothing()
		}
	}
}

// expect says that some segments will be read. Without any, the file needn't be there.
func (o *Output) expect(spill, first, end int) error {
	if first < 0 || first >= end || end > o.id.partitions {
		return nil // Segment says so
	}
	row := o.entries[spill*o.id.partitions:]
	from, last := row[first].at, row[end-1]
	to := last.at + int64(last.length)
	if from == to {
		return nil
	}
	if err := o.open(); err != nil {
		return o.failed(err)
	}
	o.file.Expect(from, to)
	return nil
}

func (o *Output) expectNothing() {
	if o.file != nil {
		o.file.Expect(0, 0)
	}
}

// Segment is Partition for one spill.
func (r *Reader) Segment(o *Output, spill, partition int) iter.Seq2[count.Step, error] {
	return func(yield func(count.Step, error) bool) {
		if spill < 0 || spill >= o.spills() || partition < 0 || partition >= o.id.partitions {
			yield(count.Step{}, fmt.Errorf("shuffle: %s: no partition %d of spill %d", o.path, partition, spill))
			return
		}
		s := o.segment(spill, partition)
		if s.length == 0 {
			return
		}
		if err := o.open(); err != nil {
			yield(count.Step{}, o.failed(err))
			return
		}
		r.unpack.Reset(s)
		for {
			step, err := r.unpack.Next()
			if err = s.take(step, err); errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = o.failed(err)
			}
			if !yield(step, err) || err != nil {
				return
			}
		}
	}
}

// segment is a segment that is being read.
type segment struct {
	entry
	of               *Output
	spill, partition int
	read             uint64 // bytes of it
	digest           *xxhash.Digest
}

func (o *Output) segment(spill, partition int) *segment {
	return &segment{
		entry: o.entries[spill*o.id.partitions+partition], of: o, spill: spill, partition: partition,
		digest: segmentSum(spill, partition),
	}
}

// Read returns io.EOF only if the checksum is right.
func (s *segment) Read(b []byte) (int, error) {
	if s.read == s.length {
		return 0, io.EOF
	}
	b = b[:min(uint64(len(b)), s.length-s.read)]
	if err := s.of.readAt(b, s.at+int64(s.read)); err != nil {
		return 0, err
	}
	s.digest.Write(b)
	s.read += uint64(len(b))
	if s.read == s.length && s.digest.Sum64() != s.sum {
		return 0, s.wrong("the checksum is")
	}
	return len(b), nil
}

// take compares what the unpacker says with the footer. words and tokens of the segment count down: they
// are what is still to come.
func (s *segment) take(step count.Step, err error) error {
	switch {
	case err == nil:
		s.words -= uint64(step.Words)
		s.tokens -= step.Tokens
	case errors.Is(err, count.ErrBlob), errors.Is(err, io.EOF) && (s.words != 0 || s.tokens != 0):
		return s.wrong("the words are")
	}
	return err
}

func (s *segment) wrong(what string) error {
	return lost(fmt.Sprintf("%s wrong in partition %d of spill %d", what, s.partition, s.spill))
}
