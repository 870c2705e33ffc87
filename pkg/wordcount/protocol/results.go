package protocol

import (
	"context"
	"strconv"
	"strings"
)

// A job with Job.Keep has only its N most frequent words in Redis. A partition's totals are in a result
// file, and StoreFiles is one call: it names the file and acknowledges the task. When the job is done,
// the supervisor that seals it merges the files and calls Fill with the first N words:
//
//	     last StoreFiles          Fill, Fill, …        the last Fill         Fence
//	reduce ─────────────► done ─────────────► filling ─────────────► full ─────────────► fenced
//
// How many words are filled in is kept with the words, so a rollback takes both. A call that doesn't
// join on writes nothing. All supervisors have the same words in the same order, by descending count and
// then by bytes. So two supervisors help each other, and each goes on from where the set is. Fence
// requires that the set is full. Under a fence nothing is filled in: a rollback between two calls would
// leave the fence.
//
// The files are checked under the fence, byte by byte. One that is lost can't be made again, because the
// map outputs may be gone. Then the supervisor deletes the job and begins anew, which is a rollback to
// the beginning.

// ResultFile is a file that has the totals of one partition. Jobs that keep N words have them.
type ResultFile struct {
	Partition int
	Name      string
	Words     uint64 // different ones
	Tokens    uint64 // the sum of their counts
}

// StoreFiles names the files that have the totals of some partitions, in ascending order, and
// acknowledges the partitions' tasks. The files must be on the disk by now. If a task isn't pending,
// it does nothing, and returns where each stands.
func (c Client) StoreFiles(ctx context.Context, run string, files []ResultFile) (standings []string, err error) {
	if err := c.room(ctx, load{bytes: int64(len(files)) * outputOverhead}); err != nil {
		return nil, err
	}
	args := make([]any, 0, 2+4*len(files))
	args = append(args, run, len(files))
	for _, f := range files {
		args = append(args, f.Partition)
	}
	for _, f := range files {
		args = append(args, f.Name, f.Words, f.Tokens)
	}
	now, err := parseProgress(c.call(ctx, "put_files", c.Job.Keys(), args...))
	return now.Standings, err
}

// Filling says how far the sorted set of a job that keeps N words has come.
type Filling struct {
	Words int  // that are in the set
	Full  bool // that is all
}

// Results returns the result files of a job that is done, by partition, and how far the sorted set
// has come. The error is ErrPhase if the job isn't done.
func (c Client) Results(ctx context.Context, run string) (files []ResultFile, now Filling, err error) {
	reply, err := c.read(ctx, "results", c.Job.Keys(), run).Slice()
	if err != nil {
		return nil, Filling{}, err
	}
	files, err = parseResults(pairs(reply[2]), c.Job.Reducers)
	return files, fillingOf(reply), err
}

// Fill puts the next of the most frequent words into the sorted set, as count, word, count, word, …,
// if as many are there as the caller says. last says that these are the last ones. It returns how far
// the set has come, which others may have changed.
func (c Client) Fill(ctx context.Context, run string, from int, words []any, last bool) (Filling, error) {
	var adding load
	adding.addWords(words)
	if err := c.room(ctx, adding); err != nil {
		return Filling{}, err
	}
	reply, err := c.call(ctx, "fill", c.Job.Keys(), append([]any{run, from, last}, words...)...).Slice()
	if err != nil {
		return Filling{}, err
	}
	return fillingOf(reply), nil
}

func fillingOf(reply []any) Filling {
	return Filling{Words: int(reply[0].(int64)), Full: reply[1] == int64(1)}
}

// parseResults reads what the library keeps of each result file. There must be one of each partition.
func parseResults(all map[string]string, partitions int) ([]ResultFile, error) {
	files := make([]ResultFile, partitions)
	for p := range files {
		text, ok := all[strconv.Itoa(p)]
		if !ok {
			return nil, Damaged("it has no result of partition %d", p)
		}
		f := strings.Fields(text)
		if len(f) != 3 {
			return nil, Damaged("the result of partition %d is %q", p, text)
		}
		words, err := strconv.ParseUint(f[1], 10, 53)
		tokens, err2 := strconv.ParseUint(f[2], 10, 53)
		if err != nil || err2 != nil {
			return nil, Damaged("the result of partition %d is %q", p, text)
		}
		files[p] = ResultFile{Partition: p, Name: f[0], Words: words, Tokens: tokens}
	}
	if len(all) != partitions {
		return nil, Damaged("it has results of %d partitions, and %d partitions", len(all), partitions)
	}
	return files, nil
}
