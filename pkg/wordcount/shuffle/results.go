package shuffle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// ResultFile is what is known of a result file.
type ResultFile struct {
	Partition int
	Name      string
	Words     uint64 // different ones
	Tokens    uint64 // the sum of their counts
}

// resultsOpen is how many result files stay open while they are merged. If there are more, each is
// opened for each block anew.
const resultsOpen = 256

func (r Run) results() string { return path.Join(r.dir(), "result") }

// result returns the identity and the path of a result file. The error is ErrName.
func (r Run) result(name string, partition, partitions int) (identity, string, error) {
	if err := checkName("result file", name, nonce); err != nil {
		return identity{}, "", err
	}
	if partitions < 1 || partitions > MaxPartitions || partition < 0 || partition >= partitions {
		return identity{}, "", fmt.Errorf("shuffle: %w: partition %d of %d", ErrName, partition, partitions)
	}
	return identity{r.job, r.run, name, partitions}, path.Join(r.results(), name), nil
}

// PrepareResults makes the folder of the result files, if it isn't there. Only a supervisor does that,
// before Prepare.
func (r Run) PrepareResults() error {
	if err := r.store.backend.MakeRoom(r.results()); err != nil {
		return hostError(r.store.where, r.results(), err)
	}
	return nil
}

// CheckResults returns an error of the host if the folder of the result files is not there. Like the
// mark, it was made by the supervisor. But it stays when the job is sealed, so it shows that this is
// the place of a sealed run.
func (r Run) CheckResults() error {
	if err := r.store.backend.Check(r.results()); err != nil {
		return hostError(r.store.where, r.results(), err)
	}
	return nil
}

// RemoveResult deletes a result file. Only its writer does that, and only if its partition was not
// stored.
func (r Run) RemoveResult(name string) error {
	_, path, err := r.result(name, 0, 1)
	if err != nil {
		return err
	}
	return r.removed(path, r.store.backend.Remove(path))
}

// Words yields the words of all result files in the order of count.Entry.Before. There is one file of
// each partition. Words holds one block of each file, and yields no word of a block that is not sound.
// An error is the last thing that it yields: ErrLostResult, the host's, or ErrName.
//
// A word that is kept keeps its block, of 32 KiB and one word.
func (r Run) Words(files []ResultFile) iter.Seq2[count.Entry, error] {
	return r.merged(files, func(f ResultFile) (*resultReader, error) {
		return r.openResult(f, len(files), len(files) > resultsOpen)
	})
}

// Sorted is Words for files that CreateSorted made in this run: some of them, or all. partitions is the
// number that CreateSorted got. No word is in two of the files.
func (r Run) Sorted(files []ResultFile, partitions int) iter.Seq2[count.Entry, error] {
	return r.merged(files, func(f ResultFile) (*resultReader, error) {
		id, path, err := r.output(f.Name, partitions)
		if err != nil {
			return nil, err
		}
		return r.openSorted(f, id, path, false)
	})
}

func (r Run) merged(files []ResultFile, open func(ResultFile) (*resultReader, error)) iter.Seq2[count.Entry, error] {
	return func(yield func(count.Entry, error) bool) {
		readers := make([]*resultReader, 0, len(files))
		defer func() {
			for _, reader := range readers {
				reader.close()
			}
		}()
		for _, f := range files {
			reader, err := open(f)
			if err != nil {
				yield(count.Entry{}, err)
				return
			}
			readers = append(readers, reader)
		}
		count.MergeSorted(readers)(yield)
	}
}

// CheckFiles reads all result files from the first byte to the last. The error is that of Words, or the
// cause of ctx.
func (r Run) CheckFiles(ctx context.Context, files []ResultFile) error {
	var (
		next    atomic.Int64
		readers sync.WaitGroup
		errs    = make([]error, len(files))
	)
	for range min(len(files), runtime.GOMAXPROCS(0)) {
		readers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				if errs[i] = r.checkFile(ctx, files[i], len(files)); errs[i] != nil {
					next.Store(int64(len(files)))
				}
			}
		})
	}
	readers.Wait()
	return cmp.Or(errs...)
}

func (r Run) checkFile(ctx context.Context, f ResultFile, partitions int) error {
	reader, err := r.openResult(f, partitions, false)
	if err != nil {
		return err
	}
	defer reader.close()
	for ctx.Err() == nil {
		if _, err := reader.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
