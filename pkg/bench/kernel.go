package bench

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// kernelSplit is smaller than a job's splits are: here one costs nothing, and the processors end at the same time.
const kernelSplit = 4 << 20

// countByKernel counts a folder with the tables that a job's workers use, a goroutine for each processor, and with
// nothing of what makes a job of it: no Redis, no tasks, no leases, no order. What our job takes beyond this is the
// price of all that.
func countByKernel(dir, out string) error {
	debug.SetGCPercent(400) // as workers have it
	m, err := wordcount.Scan(dir, "", wordcount.Selection{})
	if err != nil {
		return err
	}
	var (
		splits = wordcount.NewPlan(m, wordcount.Options{Split: kernelSplit}).Splits()
		next   atomic.Int64
		tables = make([]*count.Table, runtime.GOMAXPROCS(0))
	)
	err = each(len(tables), func(i int) error {
		t := count.New()
		tables[i] = t
		for {
			n := int(next.Add(1)) - 1
			if n >= len(splits) {
				return nil
			}
			for part := range splits[n].Parts() {
				if err := countPart(t, part); err != nil {
					return err
				}
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

func countPart(t *count.Table, s wordcount.Split) error {
	file, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = t.Split(file, s.Off, s.Len, s.Size)
	return err
}

// merge adds the tables up and returns the result as text, a part of the words by each processor.
func merge(tables []*count.Table) ([][]byte, error) {
	n := len(tables)
	if n == 1 {
		return [][]byte{appendTable(nil, tables[0])}, nil
	}
	packed := make([][][]byte, n)
	each(n, func(i int) error {
		packed[i] = tables[i].Pack(n)
		tables[i] = nil
		return nil
	})
	texts := make([][]byte, n)
	return texts, each(n, func(part int) error {
		t := count.New()
		for _, blobs := range packed {
			if blobs[part] == nil {
				continue
			}
			if err := t.Merge(blobs[part]); err != nil {
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

// each does something n times, side by side, and returns the first error by number.
func each(n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
