package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// kernelSplit is smaller than the splits of a job: here a split costs nothing, and the processors
// end at the same time.
const kernelSplit = 4 << 20

// piece is a range of a file.
type piece struct {
	path         string
	off, n, size int64
}

// countByKernel counts a folder with the tables of the workers, a goroutine for each processor,
// without all that makes a job of it: Redis, tasks, leases, an order. What the job takes beyond
// this is the price of all that.
func countByKernel(dir, out string) error {
	debug.SetGCPercent(400) // as workers have it
	pieces, err := piecesOf(dir)
	if err != nil {
		return err
	}
	var next atomic.Int64
	tables := make([]*count.Table, runtime.GOMAXPROCS(0))
	err = each(len(tables), func(i int) error {
		tables[i] = count.New()
		for {
			n := int(next.Add(1)) - 1
			if n >= len(pieces) {
				return nil
			}
			if err := countPiece(tables[i], pieces[n]); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	texts, err := merge(tables)
	if err != nil {
		return err
	}
	return create(out, func(b *bufio.Writer) {
		for _, text := range texts {
			b.Write(text)
		}
	})
}

func piecesOf(dir string) (pieces []piece, err error) {
	paths, err := filesOf(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		for off := int64(0); off < info.Size(); off += kernelSplit {
			pieces = append(pieces, piece{path, off, min(kernelSplit, info.Size()-off), info.Size()})
		}
	}
	return pieces, nil
}

func countPiece(t *count.Table, p piece) error {
	file, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = t.Split(file, p.off, p.n, p.size)
	return err
}

// merge adds the tables up and returns the result as text, a part of the words by each processor.
func merge(tables []*count.Table) ([][]byte, error) {
	n := len(tables)
	if n == 1 {
		return [][]byte{appendTable(nil, tables[0])}, nil
	}
	packed := make([][]count.Blob, n)
	partitioner := count.NewPartitioner("", n)
	each(n, func(i int) error {
		packed[i] = tables[i].Pack(partitioner)
		tables[i] = nil
		return nil
	})
	texts := make([][]byte, n)
	return texts, each(n, func(part int) error {
		t := count.New()
		var u count.Unpacker
		for _, blobs := range packed {
			if blobs[part].Words == 0 {
				continue
			}
			u.Reset(bytes.NewReader(blobs[part].Bytes))
			s, err := u.Next()
			for ; err == nil; s, err = u.Next() {
				t.MergeStep(s)
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
		}
		texts[part] = appendTable(nil, t)
		return nil
	})
}

// appendTable appends a line "count<TAB>word" for each word.
func appendTable(text []byte, t *count.Table) []byte {
	for word, n := range t.All() {
		text = strconv.AppendUint(text, n, 10)
		text = append(text, '\t')
		text = append(text, word...)
		text = append(text, '\n')
	}
	return text
}

// each does something n times, side by side.
func each(n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}
