package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
)

// The number of partitions grows with the input, so that the table of one partition stays in the
// CPU's cache while it is merged, and well within a worker's memory. Source code, which is rich in
// words, has about 12,000 different ones in a mebibyte. A partition costs a segment in each spill. One
// that has a result file costs two syncs of the disk, too, some 8 ms. So there are fewer of those.
const (
	partitionBytes = 8 << 20  // of input, for each partition
	filedBytes     = 64 << 20 // the same, if each has a result file
	maxPartitions  = 256
)

// Plan is a job, with everything that is needed to run it.
type Plan struct {
	Job      protocol.Job
	Split    int64    // bytes; 0: a file is never split
	Options  Options  // as they were asked for, with open choices left open
	Manifest Manifest `json:"-"`
}

// New makes the choices that the options leave open, and names the job. Everything that gives a
// task number its meaning is in the name. New panics on options that Options.Counting refuses.
func New(m Manifest, o Options) Plan {
	p := Plan{Split: o.split(), Options: o, Manifest: m}
	counting, err := o.Counting()
	if err != nil {
		panic(err)
	}
	p.Job.Counting = counting.String()
	p.Job.Keep = o.Keep
	switch {
	case o.Direct:
	case o.Reducers == 0:
		each := int64(partitionBytes)
		if o.Keep > 0 {
			each = filedBytes
		}
		p.Job.Reducers = int(min(max(1, (m.Bytes+each-1)/each), maxPartitions))
	default:
		p.Job.Reducers = o.Reducers
	}
	h := sha256.New()
	fmt.Fprintf(h, "schema %s counting %q entry %d output %d blob %d partition %d result %d split %d reducers %d keep %d\n",
		protocol.Schema, p.Job.Counting, entryVersion, shuffle.Version, count.BlobVersion, count.PartitionVersion, shuffle.ResultVersion,
		p.Split, p.Job.Reducers, p.Job.Keep)
	m.WriteTo(h) // writing to a hash never fails
	p.Job.ID = hex.EncodeToString(h.Sum(nil)[:8])
	return p
}

// Resumes reports whether an earlier plan for the same input is still good, because its files may
// grow, and nothing else has happened to them. Then the earlier job can go on, while this plan would
// be a new job.
func (p Plan) Resumes(earlier Plan) bool {
	was, is := earlier.Manifest, p.Manifest
	return slices.Equal(was.Inputs, is.Inputs) && New(was, p.Options).Job == earlier.Job &&
		slices.EqualFunc(was.Files, is.Files, func(was, is input.File) bool {
			return was.Path == is.Path && was.Whole == is.Whole && was.Compare(input.Info{Regular: true, Size: is.Size, Mtime: is.MTime, Inode: is.Inode, ETag: is.ETag}) == nil
		})
}
