package wordcount

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/memory"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

// program is how much of its own file a worker of a compiled magefile has in memory, in bytes. The test
// program is larger, because the servers and oracles of the tests are in it. What it has beyond that
// is no memory of a worker.
const program = 15 << 20

// boundMemory gives the workers so much memory, and checks that none of them has ever taken more when
// the job is done. Then they still live: after them, a parent's peak counts as theirs.
func (r *rig) boundMemory(memory int64) {
	r.team.Worker.Memory = memory
	r.whenSeen(inPhase("done"), func(protocol.Status) {
		pids := r.team.PIDs()
		if len(pids) == 0 {
			r.tb.Error("no worker was looked at")
		}
		for _, pid := range pids {
			file := memoryOf(r.tb, pid, "RssFile") // a worker maps no other file
			peak := memoryOf(r.tb, pid, "VmHWM") - max(file-program, 0)
			r.say("a worker that may take %d MiB took %d, and has %d of its program", memory>>20, peak>>20, file>>20)
			if peak > memory && !raced() {
				r.tb.Errorf("a worker took %d MiB, and may take %d", peak>>20, memory>>20)
			}
		}
	})
}

// memoryOf reads one of the sizes that the system knows of a process, in bytes: VmHWM is the most memory
// that it has ever had, RssFile what it has of mapped files.
func memoryOf(tb testing.TB, pid int, size string) int64 {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check.Must(tb, err)
	_, after, _ := strings.Cut(string(status), size+":")
	var kilobytes int64
	_, err = fmt.Sscan(after, &kilobytes)
	check.Must(tb, err)
	return kilobytes << 10
}

// writeDistinct writes different words of a size, which come without any order, until the file has so
// many bytes.
func (r *rig) writeDistinct(bytes, size int) {
	r.tb.Helper()
	f, err := os.Create(filepath.Join(r.input, "distinct"))
	check.Must(r.tb, err)
	out, rest := bufio.NewWriterSize(f, 1<<20), strings.Repeat("x", size)
	for n := range uint64(bytes / (size + 1)) {
		word := strconv.FormatUint((n+1)*0x9e3779b97f4a7c15>>24, 32) // a multiple of an odd number, of which no two are equal
		fmt.Fprintf(out, "%s%s ", word, rest[min(len(word), size):])
	}
	check.Must(r.tb, out.Flush())
	check.Must(r.tb, f.Close())
}

// exactWithin runs a job that is prepared with so much memory, and checks its result.
func (r *rig) exactWithin(memory int64) {
	r.tb.Helper()
	r.boundMemory(memory)
	ctx, cancel := context.WithTimeout(r.tb.Context(), 5*limit)
	defer cancel()
	sealed, err := r.runPrepared(ctx)
	check.Must(r.tb, err)
	r.check(sealed)
}

func TestFault47OneLongLineTakesBoundedMemory(t *testing.T) {
	t.Parallel()
	size := full(128<<20, 1<<30)
	for _, memory := range []int64{64 << 20, worker.DefaultWorkerMemory} {
		t.Run(fmt.Sprintf("%d MiB", memory>>20), func(t *testing.T) {
			r := newRig(t, nil)
			// Words of a kilobyte and no end of a line, written a bit at a time.
			f, err := os.Create(filepath.Join(r.input, "line"))
			check.Must(t, err)
			for i := range size >> 10 {
				_, err := f.WriteString(strings.Repeat(string(rune('a'+i%26)), 1023) + " ")
				check.Must(t, err)
			}
			check.Must(t, f.Close())
			r.size = 1
			r.prepare(plan.Options{Split: int64(size), Reducers: 2})
			r.boundMemory(memory)
			ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
			defer cancel()
			sealed, err := r.runPrepared(ctx)
			check.Must(t, err)
			if sealed.Distinct != 26 || sealed.Tokens != uint64(size>>10) {
				t.Errorf("sealed %d words, %d distinct", sealed.Tokens, sealed.Distinct)
			}
		})
	}
}

// The totals of the one partition take several times the memory.
func TestFault64APartitionBeyondMemoryIsMergedInParts(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 10} { // all words in the sorted set, or in a result file
		t.Run(fmt.Sprintf("keep %d", keep), func(t *testing.T) {
			r := newRig(t, nil)
			r.writeDistinct(80<<20, 400)
			r.size = 1
			r.prepare(plan.Options{WholeFiles: true, Reducers: 1, Keep: keep})
			r.exactWithin(64 << 20)
		})
	}
}

func TestFault64AnyWordsFitIntoAWorkersMemory(t *testing.T) {
	for _, c := range []struct{ memory, bytes, size, reducers int }{
		{64 << 20, 16 << 20, 8, 1},
		{64 << 20, 24 << 20, 16, 8},
		{64 << 20, 128 << 20, 200, 1},
		{64 << 20, 128 << 20, count.MaxWord, 1},
		{64 << 20, 128 << 20, count.MaxWord / 3, 8},
		{256 << 20, 48 << 20, 12, 1},
		{256 << 20, 400 << 20, 1000, 1},
		{256 << 20, 400 << 20, count.MaxWord, 8},
	} {
		t.Run(fmt.Sprintf("%d MiB for %d MiB of %d bytes each, %d partitions", c.memory>>20, c.bytes>>20, c.size, c.reducers), func(t *testing.T) {
			r := newRig(t, nil)
			r.writeDistinct(c.bytes, c.size)
			r.size = 1
			r.prepare(plan.Options{WholeFiles: true, Reducers: c.reducers})
			r.exactWithin(int64(c.memory))
		})
	}
}

// Of compressed files there is one for each way to need much: the largest window that a worker takes,
// little that unpacks to very much, a block of bzip2, the longest words, and very many words.
func TestFault64WhateverCompressedFilesUnpackToAWorkerStaysWithinItsMemory(t *testing.T) {
	for _, memory := range []int64{64 << 20, worker.DefaultWorkerMemory} {
		for size, all := range map[int]int{12: 8 << 20, count.MaxWord: 48 << 20} {
			t.Run(fmt.Sprintf("%d MiB, words of %d bytes", memory>>20, size), func(t *testing.T) {
				r := newRig(t, nil)
				r.contents = map[string]string{}
				plain := filepath.Join(r.input, "distinct")
				r.writeDistinct(all, size)
				text, err := os.ReadFile(plain)
				check.Must(t, err)
				var packed bytes.Buffer
				z, err := zstd.NewWriter(&packed, zstd.WithWindowSize(int(memory/8)), zstd.WithEncoderLevel(zstd.SpeedFastest))
				check.Must(t, err)
				_, err = z.Write(text)
				check.Must(t, errors.Join(err, z.Close()))
				r.pack("distinct.zst", packed.Bytes(), string(text))
				r.pack("again.zst", packed.Bytes(), string(text))
				same := strings.Repeat("the same ", 8<<20/9)
				member := check.Gzip(t, same)
				members := full(16, 512)
				r.pack("same.gz", bytes.Repeat(member, members), strings.Repeat(same, members))
				r.pack("blocks.bz2", bytes.Repeat(check.Bzip2, 5), strings.Repeat(check.Bzip2Text(), 5))
				r.pack("more.bz2", bytes.Repeat(check.Bzip2, 5), strings.Repeat(check.Bzip2Text(), 5))
				r.size = 1
				r.prepare(plan.Options{WholeFiles: true, Reducers: 2})
				r.exactWithin(memory)
			})
		}
	}
}

// Records as large as a worker takes them, whose values have escapes, and very many words, plain,
// compressed and in frames.
func TestFault64RecordsOfAnySizeStayWithinAWorkersMemory(t *testing.T) {
	const pattern = "regexp:[a-z_0-9]+"
	for _, mem := range []int64{64 << 20, worker.DefaultWorkerMemory} {
		for _, c := range []struct {
			field, words string
			form         [2]string
			inS3         bool
		}{
			{"jsonl:a", "unicode", [2]string{`{"a":"`, `\n"}`}, false},
			{"jsonl:a", pattern, [2]string{`{"a":"`, `\n"}`}, true},
			{"csv:1", "unicode", [2]string{`"`, `"""`}, false},
			{"csv-lines:1", "unicode", [2]string{`"`, `"""`}, true},
			{"tsv:1", "unicode", [2]string{}, false},
			{"line", pattern, [2]string{}, false},
			{"", "unicode", [2]string{}, true},
			{"", pattern, [2]string{}, false},
		} {
			t.Run(fmt.Sprintf("%s, %.7s in %d MiB, S3: %v", c.field, c.words, mem>>20, c.inS3), func(t *testing.T) {
				r := newRig(t, nil)
				put := func(name string, data []byte) {
					check.Must(t, os.WriteFile(filepath.Join(r.input, name), data, 0o644))
				}
				if c.inS3 {
					server := s3test.Start(t)
					server.Bucket(t, "bucket")
					r.input = "s3://bucket/in"
					put = func(name string, data []byte) { server.Put(t, "bucket", "in/"+name, string(data)) }
				}
				var text bytes.Buffer
				n, most := uint64(0), memory.Record(mem)
				for text.Len() < int(mem)/8 {
					record := []int{most - 10, 200, most/2 + 100, 2000}[n%4]
					text.WriteString(c.form[0])
					for end := text.Len() + record - 60; text.Len() < end; n++ {
						long := ""
						if n%16 == 0 {
							long = "longer_than_a_key_"
						}
						fmt.Fprintf(&text, "%s%d ", long, (n+1)*0x9e3779b97f4a7c15>>20)
					}
					text.WriteString(c.form[1] + "\n")
				}
				put("plain", text.Bytes())
				put("packed", check.Gzip(t, text.String()))
				put("seekable", check.SeekableZstd(check.Pieces(text.String(), 1<<20)...))
				r.size = 1
				r.prepare(plan.Options{Field: c.field, Words: c.words, Fold: "case,nfc", Reducers: 2, Split: 2 << 20})
				r.boundMemory(mem)
				ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
				defer cancel()
				sealed, err := r.runPrepared(ctx)
				check.Must(t, err)
				if sealed.Distinct != int(n) || sealed.Tokens != 3*n || sealed.Tally.Malformed > 0 {
					t.Errorf("%+v, and there are %d words", sealed, n)
				}
			})
		}
	}
}

// outputsByHand makes a job whose maps the test commits itself.
func outputsByHand(t *testing.T, files map[string]string, o plan.Options) *byHand {
	t.Helper()
	h := &byHand{rig: newRig(t, files)}
	h.prepare(o)
	h.Job = wordcounttest.Of(t, protocol.Client{Redis: h.rdb, Job: h.plan.Job}, h.plan, wordcounttest.ARun)
	h.store = h.Dir
	h.team.Worker.Store = h.Dir
	h.supervised(withoutCheckpoints)
	check.Must(t, h.folder.SetRun(h.plan.Job.ID, h.Run))
	check.Must(t, h.sup.Seed(t.Context()))
	return h
}

// What is where in the map outputs would take 80 MiB.
func TestFault64OutputsOfManySpillsAreNotAllKnownAtOnce(t *testing.T) {
	const partitions, outputs = 256, 128
	files := map[string]string{}
	for i := range outputs {
		files[fmt.Sprintf("%04d", i)] = strings.Repeat(fmt.Sprintf("common own%d\n", i), shuffle.MaxSpills)
	}
	h := outputsByHand(t, files, plan.Options{WholeFiles: true, Reducers: partitions})
	h.size = 1
	h.team.Size = 1
	for _, task := range h.Take("map", "w", outputs) {
		c := protocol.Commit{Tasks: []int{task}, Output: protocol.NewNonce(), Host: "host"}
		out, err := h.Outputs.Create(c.Output, partitions)
		check.Must(t, err)
		text, err := os.ReadFile(h.Splits[task-1].Path)
		check.Must(t, err)
		for line := range strings.Lines(string(text)) {
			table := count.New()
			for _, word := range strings.Fields(line) {
				table.Add([]byte(word), 1)
			}
			check.Must(t, out.Add(table))
		}
		written, err := out.Finish()
		check.Must(t, err)
		c.Tokens, c.Bytes = written.Tokens, int64(len(text))
		_, err = h.Send(c)
		check.Must(t, err)
	}
	h.exactWithin(64 << 20)
}

// The list of the map outputs takes most of the memory, if it is more than their names.
func TestFault64VeryManyTinyOutputs(t *testing.T) {
	const tasks = 100_000
	h := outputsByHand(t, map[string]string{"tiny": strings.Repeat("a b c d ", tasks)}, plan.Options{Split: 8, Reducers: 1})
	h.team.Size = 1
	for left := tasks; left > 0; {
		some := h.Take("map", "w", min(left, 1000))
		for _, task := range some {
			h.MustCommit(task)
		}
		left -= len(some)
	}
	h.exactWithin(64 << 20)
}

func TestFault83AWorkersMemoryHasAPartOfAnObject(t *testing.T) {
	for _, keep := range []int{0, 10} {
		t.Run(fmt.Sprintf("keep %d", keep), func(t *testing.T) {
			r, _ := withStoreInS3(t, nil)
			r.writeDistinct(80<<20, 400) // map outputs of several parts, and totals that spill
			r.size = 1
			r.prepare(plan.Options{WholeFiles: true, Reducers: 4, Keep: keep})
			r.exactWithin(64 << 20)
			r.isTidy()
		})
	}
}
