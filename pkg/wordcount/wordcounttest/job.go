// Package wordcounttest has what the tests of more than one room need: a job that a test drives by
// hand, hooks around the commands of a client, and a proxy before a server. It imports
// none of the rooms that work on a job, so that tests inside these can use it.
package wordcounttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// AnyFile lets a worker open any file, for tests that made the tasks themselves.
var AnyFile = plan.Trust{Roots: [][]byte{[]byte("/")}}

// Job is a job, seeded, of which the test makes every call itself.
type Job struct {
	TB      testing.TB
	Server  *redistest.Server // nil if Of made the job
	Client  protocol.Client
	Plan    plan.Plan
	Splits  []plan.Split // task n is the n-th of them, from 1
	Run     string
	Dir     string      // the store of its map outputs
	Outputs shuffle.Run // of this run, in it
}

// ARun is the run of the jobs that this package makes.
const ARun = "ARUNARUNARUNARUNARUNARUN77"

// What New makes: three files, each of them a task, and their counts as Counts returns them.
const (
	Tasks  = 3
	Result = "three+++ two++ one+"
)

// Files are the files of the job that New makes.
func Files() map[string]string {
	return map[string]string{"1": "one", "2": "two two", "3": "three three three"}
}

// New makes a job of three tasks on a server of its own.
func New(tb testing.TB, reducers int) *Job {
	tb.Helper()
	return NewOn(tb, redistest.Start(tb), Files(), plan.Options{WholeFiles: true, Reducers: reducers, Direct: reducers == 0})
}

// NewKeeping is New for a job that keeps so many words in the sorted set.
func NewKeeping(tb testing.TB, reducers, keep int) *Job {
	tb.Helper()
	return NewOn(tb, redistest.Start(tb), Files(), plan.Options{WholeFiles: true, Reducers: reducers, Keep: keep})
}

// NewOn makes a job over files, given by name and content, on a server that others may use too.
func NewOn(tb testing.TB, server *redistest.Server, files map[string]string, o plan.Options) *Job {
	tb.Helper()
	m, err := plan.Scan(tb.Context(), []string{check.Folder(tb, files)}, "", o)
	check.Must(tb, err)
	p := plan.New(m, o)
	j := Of(tb, protocol.Client{Redis: server.Client(tb), Job: p.Job}, p, ARun)
	j.Server = server
	_, err = protocol.Library.Load(tb.Context(), j.Client.Redis)
	check.Must(tb, err)
	check.Must(tb, j.Seed())
	return j
}

// NewReducing is New, with all maps committed and some partitions taken.
func NewReducing(tb testing.TB, reducers, taken int) *Job {
	tb.Helper()
	j := New(tb, reducers)
	j.Take("map", "w", Tasks)
	j.MustCommit(1, 2, 3)
	j.Take("reduce", "w", taken)
	return j
}

// Of is a job that somebody else seeds. It has a store of its own.
func Of(tb testing.TB, client protocol.Client, p plan.Plan, run string) *Job {
	tb.Helper()
	j := &Job{TB: tb, Client: client, Plan: p, Splits: p.Splits(), Run: run, Dir: tb.TempDir()}
	store, err := shuffle.Open(j.TB.Context(), j.Dir)
	check.Must(tb, err)
	tb.Cleanup(func() { store.Close() })
	j.Outputs, err = store.Run(p.Job.ID, run)
	check.Must(tb, err)
	if p.Job.Keep > 0 {
		check.Must(tb, j.Outputs.PrepareResults())
	}
	check.Must(tb, j.Outputs.Prepare())
	return j
}

// Seed does what a supervisor does: it asks how many tasks are there, and appends the rest.
func (j *Job) Seed() error {
	now, err := j.Client.Seed(j.TB.Context(), j.Run, j.Dir, len(j.Splits), 1, nil)
	if err == nil && now.Top < len(j.Splits) {
		now, err = j.Client.Seed(j.TB.Context(), j.Run, j.Dir, len(j.Splits), now.Top+1, plan.Entries(j.Splits[now.Top:]))
	}
	if err == nil && now.Run != j.Run {
		err = fmt.Errorf("the job belongs to the run %q, not to %q", now.Run, j.Run)
	}
	return err
}

// Take reads new tasks.
func (j *Job) Take(stream protocol.Stream, consumer string, n int) (tasks []int) {
	j.TB.Helper()
	tasks, err := Take(j.TB.Context(), j.Client, stream, consumer, n)
	check.Must(j.TB, err)
	return tasks
}

// Take reads up to n new tasks of a stream.
func Take(ctx context.Context, client protocol.Client, stream protocol.Stream, consumer string, n int) (tasks []int, err error) {
	return ReadGroup(ctx, client, stream, consumer, ">", n)
}

// ReadGroup reads up to n tasks of a stream: new ones (">"), or from some number on those that the
// consumer has.
func ReadGroup(ctx context.Context, client protocol.Client, stream protocol.Stream, consumer, from string, n int) (tasks []int, err error) {
	replies, err := client.Redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "workers", Consumer: consumer, Streams: []string{client.Job.StreamKey(stream), from}, Count: int64(n), Block: -1,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	for _, reply := range replies {
		some, parseErr := Numbers(reply.Messages)
		tasks, err = append(tasks, some...), errors.Join(err, parseErr)
	}
	return tasks, err
}

// Numbers are those of the tasks that a stream's entries are.
func Numbers(entries []redis.XMessage) (tasks []int, err error) {
	for _, e := range entries {
		n, err := strconv.Atoi(strings.TrimSuffix(e.ID, "-0"))
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, n)
	}
	return tasks, nil
}

// Steal takes over all tasks of a stream that somebody has, whatever their lease.
func (j *Job) Steal(stream protocol.Stream, consumer string) (tasks []int) {
	j.TB.Helper()
	entries, _, err := j.Client.Redis.XAutoClaim(j.TB.Context(), &redis.XAutoClaimArgs{
		Stream: j.Client.Job.StreamKey(stream), Group: "workers", Consumer: consumer, Start: "0-0", Count: 100,
	}).Result()
	check.Must(j.TB, err)
	tasks, err = Numbers(entries)
	check.Must(j.TB, err)
	return tasks
}

// Counted is what a worker has to commit that has counted tasks. With reducers, its map output lies in
// the store.
func (j *Job) Counted(tasks ...int) protocol.Commit {
	j.TB.Helper()
	table, c := count.New(), protocol.Commit{Tasks: tasks, Output: protocol.NewNonce(), Host: "host"}
	for _, n := range tasks {
		for s := range j.Splits[n-1].Ranges() {
			f, err := os.Open(s.Path)
			check.Must(j.TB, err)
			_, err = table.Split(f, s.Off, s.Len, s.Size)
			check.Must(j.TB, errors.Join(err, f.Close()))
			c.Bytes += s.Len
		}
	}
	c.Tokens = table.Tokens()
	if j.Client.Job.Reducers == 0 {
		for word, n := range table.All() {
			c.Words = append(c.Words, string(word), n)
		}
		return c
	}
	out, err := j.Outputs.Create(c.Output, j.Client.Job.Reducers)
	check.Must(j.TB, err)
	check.Must(j.TB, out.Add(table))
	_, err = out.Finish()
	check.Must(j.TB, err)
	return c
}

// Send sends a commit.
func (j *Job) Send(c protocol.Commit) (standings []string, err error) {
	return j.Client.Commit(j.TB.Context(), j.Run, c)
}

// Commit counts tasks and commits them. It returns their standings if the commit was refused.
func (j *Job) Commit(tasks ...int) (standings []string, err error) {
	j.TB.Helper()
	return j.Send(j.Counted(tasks...))
}

// MustCommit counts tasks and commits them.
func (j *Job) MustCommit(tasks ...int) {
	j.TB.Helper()
	if standings, err := j.Commit(tasks...); err != nil || standings != nil {
		j.TB.Fatalf("commit of %v: %v, %v", tasks, standings, err)
	}
}

// Merge merges a partition (from 0) of all map outputs.
func (j *Job) Merge(partition int) (*count.Table, error) {
	table := count.New()
	outputs, err := j.Client.Outputs(j.TB.Context(), j.Run)
	if err != nil {
		return nil, err
	}
	var reader shuffle.Reader
	for _, o := range outputs {
		out, err := j.Outputs.Open(o.Name, j.Client.Job.Reducers)
		if err != nil {
			return nil, err
		}
		for step, err := range reader.Partition(out, partition) {
			if err != nil {
				return nil, errors.Join(err, out.Close())
			}
			table.MergeStep(step)
		}
		if err := out.Close(); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// Store merges a partition (from 0) and stores its totals.
func (j *Job) Store(partition int) {
	j.TB.Helper()
	if j.Client.Job.Keep > 0 {
		standings, err := j.Client.StoreFiles(j.TB.Context(), j.Run, []protocol.ResultFile{j.Publish(partition)})
		if err != nil || standings != nil {
			j.TB.Fatalf("partition %d was not stored: %v, %v", partition, standings, err)
		}
		return
	}
	table, err := j.Merge(partition)
	check.Must(j.TB, err)
	var words []any
	for _, e := range table.Descending() {
		words = append(words, e.N, e.Word)
	}
	of := protocol.Totals{Nonce: protocol.NewNonce(), Partitions: []int{partition}, Tokens: table.Tokens()}
	now, err := j.Client.Store(j.TB.Context(), j.Run, of, 0, words, true)
	if err != nil || !now.Done {
		j.TB.Fatalf("partition %d was not stored: %+v, %v", partition, now, err)
	}
}

// Publish merges a partition (from 0) and writes its result file.
func (j *Job) Publish(partition int) protocol.ResultFile {
	j.TB.Helper()
	table, err := j.Merge(partition)
	check.Must(j.TB, err)
	out, err := j.Outputs.CreateResult(protocol.NewNonce(), partition, j.Client.Job.Reducers)
	check.Must(j.TB, err)
	for _, e := range table.Descending() {
		check.Must(j.TB, out.Add(e))
	}
	written, err := out.Finish()
	check.Must(j.TB, err)
	return protocol.ResultFile(written)
}

// Finish commits all tasks and stores all partitions.
func (j *Job) Finish() {
	j.TB.Helper()
	all := j.Take("map", "w", len(j.Splits))
	j.MustCommit(all...)
	for _, n := range j.Take("reduce", "w", max(1, j.Client.Job.Reducers)) {
		j.Store(n - 1)
	}
}

// Duplicate lets another output have a task that is committed, as no worker can.
func (j *Job) Duplicate(task int) {
	j.TB.Helper()
	err := j.Client.Redis.HSet(j.TB.Context(), j.Client.Job.Key("outputs"), protocol.NewNonce(), fmt.Sprintf("0 0 %d host -", task)).Err()
	check.Must(j.TB, err)
}

// Fence fences the result of a job that is finished.
func (j *Job) Fence() (fence string) {
	j.TB.Helper()
	end, err := j.Client.Fence(j.TB.Context(), j.Run, protocol.NewNonce())
	check.Must(j.TB, err)
	return end.Fence
}

// Status is where the job stands.
func (j *Job) Status() protocol.Status {
	j.TB.Helper()
	st, err := j.Client.Status(j.TB.Context())
	check.Must(j.TB, err)
	return st
}

// Expect compares the job's state with what a test says of it.
func (j *Job) Expect(what string, ok func(protocol.Status) bool) {
	j.TB.Helper()
	if st := j.Status(); !ok(st) {
		j.TB.Errorf("%s, but the job is %+v", what, st)
	}
}

// Counts is the sorted set: each word with a plus for each time that it was counted.
func (j *Job) Counts() string {
	j.TB.Helper()
	all, err := j.Client.Redis.ZRevRangeWithScores(j.TB.Context(), j.Client.Job.Key("counts"), 0, -1).Result()
	check.Must(j.TB, err)
	var words []string
	for _, z := range all {
		words = append(words, z.Member.(string)+strings.Repeat("+", int(z.Score)))
	}
	return strings.Join(words, " ")
}
